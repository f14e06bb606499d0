/**
 * Pure: where things are in a DNS message, without understanding them, so that answers of others are handed on as they came,
 * whatever records they hold. Bounded by the message's length: every step goes forward. Source: RFC 1035, section 4.
 */
export const HEADER_BYTES = 12;
/** RFC 1035, section 2.3.4. */
const MAX_NAME_BYTES = 255;
const POINTER = 0xc0;
const TYPE_OPT = 41;
const TYPE_SOA = 6;
/** Type, class, TTL and length of the data. */
const FIXED_BYTES = 10;

export const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100 } as const;
export const FLAGS_MORE = { recursionAvailable: 0x0080, authentic: 0x0020, checkingDisabled: 0x0010 } as const;

/** A message that does not hold what it says it holds. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

export interface RecordPlace {
  section: 'answer' | 'authority' | 'additional';
  type: number;
  start: number;
  /** Of the four bytes of the TTL. */
  ttlOffset: number;
  dataOffset: number;
  end: number;
}

/** Behind the one question of a message. Throws MessageError. */
export function questionEnd(message: Buffer): number {
  const end = skipName(message, HEADER_BYTES) + 4;
  if (end > message.length) throw new MessageError('the question is cut off');
  return end;
}

/** Every record of a message with one question. Throws MessageError. */
export function listRecords(message: Buffer): RecordPlace[] {
  const places: RecordPlace[] = [];
  let offset = questionEnd(message);
  const sections = [
    ['answer', 6],
    ['authority', 8],
    ['additional', 10],
  ] as const;
  for (const [section, countOffset] of sections) {
    for (let left = message.readUInt16BE(countOffset); left > 0; left -= 1) {
      const place = readPlace(message, offset, section);
      places.push(place);
      offset = place.end;
    }
  }
  return places;
}

/** Seconds for which a negative answer holds: RFC 2308, section 5. undefined: it does not say. */
export function negativeTtl(message: Buffer, places: readonly RecordPlace[]): number | undefined {
  const soa = places.find(({ section, type }) => section === 'authority' && type === TYPE_SOA);
  // The minimum is the last of the fixed numbers of the data.
  if (soa === undefined || soa.end - soa.dataOffset < 20) return undefined;
  return Math.min(message.readUInt32BE(soa.ttlOffset), message.readUInt32BE(soa.end - 4));
}

/** The message without its OPT record and what follows it: that was between us and the server. */
export function withoutOpt(message: Buffer, places: readonly RecordPlace[]): Buffer {
  const index = places.findIndex(({ type }) => type === TYPE_OPT);
  const opt = places[index];
  if (opt === undefined) return message;
  const kept = Buffer.from(message.subarray(0, opt.start));
  kept.writeUInt16BE(places.slice(0, index).filter(({ section }) => section === 'additional').length, 10);
  return kept;
}

function readPlace(message: Buffer, start: number, section: RecordPlace['section']): RecordPlace {
  const fixed = skipName(message, start);
  const dataOffset = fixed + FIXED_BYTES;
  if (dataOffset > message.length) throw new MessageError('a record is cut off');
  const end = dataOffset + message.readUInt16BE(fixed + 8);
  if (end > message.length) throw new MessageError('data of a record are cut off');
  return { section, type: message.readUInt16BE(fixed), start, ttlOffset: fixed + 4, dataOffset, end };
}

/** Behind a name; a pointer ends it. */
function skipName(message: Buffer, start: number): number {
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined || offset - start > MAX_NAME_BYTES) throw new MessageError('a name is cut off');
    if ((length & POINTER) === POINTER) return offset + 2;
    if ((length & POINTER) !== 0) throw new MessageError('a label is of an unknown kind');
    if (length === 0) return offset + 1;
    offset += length + 1;
  }
}
