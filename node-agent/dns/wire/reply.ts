/**
 * Answers as packets. What does not fit is left out from the end, and said to be: a client that cannot ask again by TCP has
 * at least some of the addresses. Sources: RFC 1035, RFC 2181 section 9, RFC 6891.
 */
import { type Answer, encode } from 'dns-packet';
import { FLAG, FLAGS_MORE, HEADER_BYTES, listRecords, type RecordPlace } from './message.ts';
import type { Query } from './query.ts';

/** What goes through every network in one piece (DNS flag day 2020). */
export const EDNS_BYTES = 1_232;
const PLAIN_BYTES = 512;
export const MAX_MESSAGE_BYTES = 65_535;

const OPT_BYTES = 11;

/** Of the question's name: the first byte behind the header. */
const QUESTION_POINTER = Buffer.from([0xc0, HEADER_BYTES]);

export interface Reply {
  rcode: number;
  authoritative: boolean;
  answers: readonly Answer[];
  authorities: readonly Answer[];
  additionals: readonly Answer[];
}

/** How large the packet may be that goes back. */
export function replyLimit({ edns }: Query, isStream: boolean): number {
  if (isStream) return MAX_MESSAGE_BYTES;
  return edns === undefined ? PLAIN_BYTES : Math.min(edns.sizeBytes, EDNS_BYTES);
}

export function renderReply(query: Query, reply: Reply, limitBytes: number): Buffer {
  const parts: Buffer[] = [];
  const counts = [0, 0, 0];
  let room = limitBytes - HEADER_BYTES - query.question.length - (query.edns ? OPT_BYTES : 0);
  let isFull = false;
  for (const [section, records] of [reply.answers, reply.authorities, reply.additionals].entries()) {
    for (const record of records) {
      const bytes = renderRecord(record, query.name);
      // What is merely additional may be missing without a word (RFC 2181, section 9).
      if (isFull || bytes.length > room) {
        isFull ||= section < 2;
        break;
      }
      room -= bytes.length;
      parts.push(bytes);
      counts[section] = (counts[section] ?? 0) + 1;
    }
  }
  const flags = (reply.authoritative ? FLAG.authoritative : 0) | (isFull ? FLAG.truncated : 0) | reply.rcode;
  return Buffer.concat([renderHeader(query, flags, counts), query.question, ...parts, ...renderOpt(query)]);
}

/** One of ours by the coder; its name is nearly always the question's, which a pointer says in two bytes. */
function renderRecord(record: Answer, questionName: string): Buffer {
  const bytes = encode({ answers: [record] }).subarray(HEADER_BYTES);
  if (record.name !== questionName) return bytes;
  return Buffer.concat([QUESTION_POINTER, bytes.subarray(Buffer.byteLength(record.name) + 2)]);
}

/** An answer of another server for this client: its number, its spelling, what is left of the time to live. */
export function relayMessage(
  query: Query,
  message: Buffer,
  relay: { limitBytes: number; ttl: (ttl: number) => number },
) {
  const upstreamFlags = message.readUInt16BE(2);
  const authentic = query.edns?.dnssecOk ? upstreamFlags & FLAGS_MORE.authentic : 0;
  const optBytes = query.edns ? OPT_BYTES : 0;
  if (message.length + optBytes > relay.limitBytes) {
    const header = renderHeader(query, FLAG.truncated | (upstreamFlags & 0xf), [0, 0, 0]);
    return Buffer.concat([header, query.question, ...renderOpt(query)]);
  }
  const copy = Buffer.from(message);
  for (const place of listRecords(message)) rewriteTtl(copy, place, relay.ttl);
  const counts = [copy.readUInt16BE(6), copy.readUInt16BE(8), copy.readUInt16BE(10)];
  renderHeader(query, authentic | (upstreamFlags & 0xf), counts).copy(copy);
  query.question.copy(copy, HEADER_BYTES);
  return Buffer.concat([copy, ...renderOpt(query)]);
}

function rewriteTtl(message: Buffer, { ttlOffset }: RecordPlace, ttl: (ttl: number) => number): void {
  message.writeUInt32BE(ttl(message.readUInt32BE(ttlOffset)), ttlOffset);
}

function renderHeader(query: Query, flags: number, [answers = 0, authorities = 0, additionals = 0]: readonly number[]) {
  const header = Buffer.alloc(HEADER_BYTES);
  const wishes =
    (query.recursionDesired ? FLAG.recursionDesired : 0) | (query.checkingDisabled ? FLAGS_MORE.checkingDisabled : 0);
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(FLAG.response | FLAGS_MORE.recursionAvailable | wishes | flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers, 6);
  header.writeUInt16BE(authorities, 8);
  header.writeUInt16BE(additionals + (query.edns ? 1 : 0), 10);
  return header;
}

/** Said to clients that speak EDNS; repeats whether they want signatures. */
function renderOpt({ edns }: Query): Buffer[] {
  if (edns === undefined) return [];
  const opt = Buffer.alloc(OPT_BYTES);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(EDNS_BYTES, 3);
  opt.writeUInt16BE(edns.dnssecOk ? 0x8000 : 0, 7);
  return [opt];
}

/** What is asked of another server: the client's question under a number of our own. */
export function renderQuery(query: Query, id: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(FLAG.recursionDesired | (query.checkingDisabled ? FLAGS_MORE.checkingDisabled : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const edns = { sizeBytes: EDNS_BYTES, dnssecOk: query.edns?.dnssecOk ?? false };
  return Buffer.concat([header, query.question, ...renderOpt({ ...query, edns })]);
}
