/** Pure: records of multicast DNS, how they are compared, and packets of them. Source: RFC 6762. */
import {
  type Answer,
  decode,
  encode,
  type Question,
  type SrvAnswer,
  type StringAnswer,
  type TxtAnswer,
} from 'dns-packet';

/** What somebody on the LAN tells of itself. Names without their final dot, in any case. */
export type MdnsRecord = StringAnswer | SrvAnswer | TxtAnswer;

export interface OwnRecord {
  record: MdnsRecord;
  /** Nobody else may have records of this name and type; shared ones many may have. */
  isUnique: boolean;
}

export interface MdnsMessage {
  isResponse: boolean;
  id: number;
  questions: (Question & { wantsUnicast: boolean })[];
  answers: readonly Answer[];
  authorities: readonly Answer[];
  additionals: readonly Answer[];
}

/** Section 10: names of hosts change sooner than lists of services. */
export const HOST_TTL_SECONDS = 120;
export const OTHER_TTL_SECONDS = 4_500;

const AUTHORITATIVE = 0x0400;
const UNICAST_BIT = 0x8000;

/** undefined: no message. */
export function readMessage(packet: Buffer): MdnsMessage | undefined {
  try {
    const { id = 0, flag_qr, questions = [], answers = [], authorities = [], additionals = [] } = decode(packet);
    const bits = readUnicastBits(packet, questions.length);
    return {
      ...{ id, isResponse: flag_qr, answers, authorities, additionals },
      questions: questions.map((question, index) => ({ ...question, wantsUnicast: bits[index] ?? false })),
    };
  } catch {
    return undefined;
  }
}

/** The coder drops the upper bit of a question's class, in which a client asks for an answer to itself (section 5.4). */
function readUnicastBits(packet: Buffer, count: number): boolean[] {
  const bits: boolean[] = [];
  let offset = 12;
  for (let index = 0; index < count; index += 1) {
    for (let length = packet[offset] ?? 0; length !== 0; length = packet[offset] ?? 0) {
      if ((length & 0xc0) === 0xc0) {
        offset += 1;
        break;
      }
      offset += length + 1;
    }
    offset += 5;
    if (offset > packet.length) break;
    bits.push((packet.readUInt16BE(offset - 2) & UNICAST_BIT) !== 0);
  }
  return bits;
}

export function renderResponse(answers: readonly Answer[], additionals: readonly Answer[] = []): Buffer {
  return encode({
    id: 0,
    type: 'response',
    flags: AUTHORITATIVE,
    answers: [...answers],
    additionals: [...additionals],
  });
}

/** For a client that knows only ordinary DNS: its number and its questions come back (section 6.7). */
export function renderLegacyResponse(
  { id, questions }: Pick<MdnsMessage, 'id' | 'questions'>,
  answers: readonly Answer[],
  additionals: readonly Answer[],
): Buffer {
  const repeated = questions.map(({ name, type }) => ({ name, type }));
  const parts = { questions: repeated, answers: [...answers], additionals: [...additionals] };
  return encode({ id, type: 'response', flags: AUTHORITATIVE, ...parts });
}

/** Asks whether anybody has these names, and tells what we would say (section 8.1). */
export function renderProbe(names: readonly string[], proposed: readonly MdnsRecord[]): Buffer {
  const questions = names.map((name): Question => ({ name, type: ANY }));
  return encode({ id: 0, questions, authorities: [...proposed] });
}

/** The coder knows it, its types do not. */
const ANY = 'ANY' as Question['type'];

export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** What a record says, without how long and how sure; names of hosts in one spelling. */
export function contentOf(record: Answer): string {
  const bytes = encode({ answers: [{ ...record, name: record.name.toLowerCase(), ...plain(record) }] });
  return bytes.subarray(12).toString('latin1');
}

function plain(record: Answer): object {
  if (record.type === 'OPT') return {};
  const data = typeof record.data === 'string' ? { data: record.data.toLowerCase() } : {};
  return { ttl: 0, flush: false, class: 'IN', ...(record.type === 'TXT' ? {} : data) };
}

/**
 * Who gives way when two ask for the same name at the same time (section 8.2): less than 0 when the first list is the
 * earlier one. Records are compared in order, by their bytes.
 */
export function compareProposals(a: readonly Answer[], b: readonly Answer[]): number {
  const [first, second] = [a, b].map((list) => list.map(contentOf).sort());
  for (let index = 0; ; index += 1) {
    const [x, y] = [first?.[index], second?.[index]];
    if (x === undefined || y === undefined) return Number(x !== undefined) - Number(y !== undefined);
    if (x !== y) return x < y ? -1 : 1;
  }
}

/** Whether a question is about a record. */
export function asksFor({ name, type }: Question, record: MdnsRecord): boolean {
  return sameName(name, record.name) && (type === ANY || type === record.type);
}
