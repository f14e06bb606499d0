/** Cells of a ResourceQuota: `pods: 3/10, requests.cpu: 500m/2`, requests and limits apart. */

type Quantities = Readonly<Record<string, string>>;

/** Names that mean a limit begin with `limits`; all others are requests or counts. */
export function quotaText(
  { hard = {}, used = {} }: { hard?: Quantities; used?: Quantities },
  part: 'request' | 'limit',
): string {
  const names = Object.keys(hard).filter((name) => name.startsWith('limits') === (part === 'limit'));
  return names
    .sort()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
    .join(', ');
}
