/** Names of a batch of boards: `node-01` counts up to `node-02`, `node-03` …; widths are kept. */

export class BoardNameError extends Error {
  override readonly name = 'BoardNameError';
}

/** The first name is the one given; a name without digits at its end gets `-2`, `-3` …. */
export function nameBoards(first: string, count: number): string[] {
  const match = /^(.*?)(\d+)$/.exec(first);
  if (match === null)
    return Array.from({ length: count }, (_, index) => (index === 0 ? first : `${first}-${index + 1}`));
  const [, stem = '', digits = ''] = match;
  const start = Number(digits);
  if (!Number.isSafeInteger(start + count))
    throw new BoardNameError(`the number in '${first}' is too large to count up`);
  return Array.from({ length: count }, (_, index) => `${stem}${String(start + index).padStart(digits.length, '0')}`);
}

/** Static addresses of a batch count up too: `192.168.1.50/24` → `192.168.1.51/24`. */
export function addressOfBoard(cidr: string | undefined, index: number): string | undefined {
  if (cidr === undefined || index === 0) return cidr;
  const match = /^(\d+\.\d+\.\d+\.)(\d+)(\/\d+)$/.exec(cidr);
  if (match === null) throw new BoardNameError('a batch can count up IPv4 addresses only');
  const [, stem = '', last = '', bits = ''] = match;
  const next = Number(last) + index;
  if (next > 254) throw new BoardNameError(`${stem}${last}${bits} leaves no room for board ${index + 1} of the batch`);
  return `${stem}${next}${bits}`;
}
