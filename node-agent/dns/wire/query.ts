/** What a client asks, read from its packet. Whatever the bytes are, there is an answer, or a reason to say nothing. */
import { type DecodedPacket, decode, type OptAnswer } from 'dns-packet';
import { FLAG, HEADER_BYTES, questionEnd } from './message.ts';

/** RFC 1035, section 4.1.1; RFC 6891, section 9. */
export const RCODE = { noError: 0, formatError: 1, serverFailure: 2, nameError: 3, notImplemented: 4, refused: 5 };
export const RCODE_BAD_VERSION = 16;

export interface Query {
  id: number;
  /** In lower case, without its final dot. */
  name: string;
  /** `A`; `UNKNOWN_65` for what the coder does not know. */
  type: string;
  /** Name, type and class as they came: answers repeat them to the letter. */
  question: Buffer;
  recursionDesired: boolean;
  checkingDisabled: boolean;
  /** undefined: the client does not know of EDNS. */
  edns: { sizeBytes: number; dnssecOk: boolean } | undefined;
}

export type Reading = { query: Query } | { refusal: Buffer } | undefined;

const CLASS_IN = 1;

/** More records than a question and its OPT are no question. */
const MAX_ADDITIONALS = 2;

/** RFC 6891, section 6.2.3: less than this counts as this. */
const MIN_EDNS_BYTES = 512;

/** `refusal`: the packet to answer with; undefined: it is no question at all, and gets no answer. */
export function readQuery(packet: Buffer): Reading {
  if (packet.length < HEADER_BYTES) return undefined;
  const flags = packet.readUInt16BE(2);
  if ((flags & FLAG.response) !== 0) return undefined;
  if (((flags >> 11) & 0xf) !== 0) return { refusal: renderRefusal(packet, RCODE.notImplemented) };
  const hasOneQuestion = packet.readUInt16BE(4) === 1 && packet.readUInt32BE(6) === 0;
  if (!hasOneQuestion || packet.readUInt16BE(10) > MAX_ADDITIONALS) {
    return { refusal: renderRefusal(packet, RCODE.formatError) };
  }
  try {
    return readOne(packet, decode(packet), questionEnd(packet));
  } catch {
    // The coder throws for what is no message.
    return { refusal: renderRefusal(packet, RCODE.formatError) };
  }
}

function readOne(packet: Buffer, message: DecodedPacket, end: number): Reading {
  const [asked] = message.questions ?? [];
  if (asked === undefined || packet.readUInt16BE(end - 2) !== CLASS_IN) {
    return { refusal: renderRefusal(packet, RCODE.refused) };
  }
  const opts = (message.additionals ?? []).filter((record): record is OptAnswer => record.type === 'OPT');
  if (opts.length > 1) return { refusal: renderRefusal(packet, RCODE.formatError) };
  const [opt] = opts;
  if (opt !== undefined && opt.ednsVersion !== 0) return { refusal: renderBadVersion(packet, end) };
  const query: Query = {
    id: message.id ?? 0,
    name: asked.name === '.' ? '' : asked.name.toLowerCase(),
    type: asked.type,
    question: Buffer.from(packet.subarray(HEADER_BYTES, end)),
    recursionDesired: message.flag_rd,
    checkingDisabled: message.flag_cd,
    edns: opt && { sizeBytes: Math.max(opt.udpPayloadSize, MIN_EDNS_BYTES), dnssecOk: opt.flag_do },
  };
  return { query };
}

/** The header of the question, turned round, with nothing behind it. */
function renderRefusal(packet: Buffer, rcode: number): Buffer {
  const refusal = Buffer.alloc(HEADER_BYTES);
  refusal.writeUInt16BE(packet.readUInt16BE(0), 0);
  // The kind of question and the wish for recursion are repeated.
  refusal.writeUInt16BE(FLAG.response | (packet.readUInt16BE(2) & 0x7900) | rcode, 2);
  return refusal;
}

/** RFC 6891, section 6.1.3: the upper bits of the code stand in the OPT record, and our version beside them. */
function renderBadVersion(packet: Buffer, end: number): Buffer {
  const header = renderRefusal(packet, RCODE_BAD_VERSION & 0xf);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const opt = Buffer.from([0, 0, 41, 0x04, 0xd0, RCODE_BAD_VERSION >> 4, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, packet.subarray(HEADER_BYTES, end), opt]);
}
