/**
 * SPDY/3.1 frames as kubectl's port-forward uses them, bytes to values and back. Pure but for the reader's buffer.
 * Source: SPDY protocol draft 3.1, sections 2.2 (framing) and 2.6 (control frames).
 */
export type SpdyFrame =
  | { type: 'data'; streamId: number; fin: boolean; bytes: Uint8Array }
  | { type: 'syn-stream'; streamId: number; fin: boolean; block: Uint8Array }
  | { type: 'headers'; streamId: number; fin: boolean; block: Uint8Array }
  | { type: 'rst-stream'; streamId: number }
  | { type: 'ping'; bytes: Uint8Array }
  | { type: 'goaway' }
  | { type: 'ignored' };

const HEAD_BYTES = 8;

/** kubectl sends pieces of 32 KiB; nothing of a client's needs more. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** The first bit of a frame: set in control frames. */
const CONTROL = 0x8000;
const VERSION = 3;
const FLAG_FIN = 0x01;

const TYPE = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goaway: 7, headers: 8 } as const;

export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

/** Puts frames together from pieces of any size. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Throws SpdyError on what is no SPDY. */
  push(bytes: Uint8Array): SpdyFrame[] {
    const all = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const frames: SpdyFrame[] = [];
    let at = 0;
    while (all.length - at >= HEAD_BYTES) {
      const length = all.readUInt32BE(at + 4) & 0xffffff;
      if (length > MAX_FRAME_BYTES) throw new SpdyError(`a frame has more than ${MAX_FRAME_BYTES} bytes`);
      if (all.length - at < HEAD_BYTES + length) break;
      const body = all.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
      frames.push(decodeFrame(all.subarray(at, at + HEAD_BYTES), body));
      at += HEAD_BYTES + length;
    }
    this.#rest = all.subarray(at);
    return frames;
  }
}

function decodeFrame(head: Buffer, body: Buffer): SpdyFrame {
  const fin = ((head[4] ?? 0) & FLAG_FIN) !== 0;
  const first = head.readUInt16BE(0);
  if ((first & CONTROL) === 0) return { type: 'data', streamId: head.readUInt32BE(0), fin, bytes: body };
  if ((first & ~CONTROL) !== VERSION) throw new SpdyError(`version ${first & ~CONTROL} is not spoken here`);
  const type = head.readUInt16BE(2);
  if (type === TYPE.goaway) return { type: 'goaway' };
  if (type === TYPE.ping) return { type: 'ping', bytes: body };
  if (type !== TYPE.synStream && type !== TYPE.headers && type !== TYPE.rstStream) return { type: 'ignored' };
  // A SYN_STREAM also names the stream that it belongs to, and its priority.
  const fixed = type === TYPE.synStream ? 10 : 4;
  if (body.length < fixed) throw new SpdyError('a control frame is too short');
  const streamId = body.readUInt32BE(0) & 0x7fffffff;
  const block = body.subarray(fixed);
  if (type === TYPE.rstStream) return { type: 'rst-stream', streamId };
  return { type: type === TYPE.synStream ? 'syn-stream' : 'headers', streamId, fin, block };
}

export function encodeData(streamId: number, bytes: Uint8Array, fin = false): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt32BE(bytes.byteLength, 4);
  head[4] = fin ? FLAG_FIN : 0;
  return Buffer.concat([head, bytes]);
}

export function encodeSynReply(streamId: number, block: Uint8Array): Uint8Array {
  return encodeControl(TYPE.synReply, Buffer.concat([word(streamId), block]));
}

/** Reason codes of section 2.6.3. */
export const RST = { refused: 3 } as const;

export function encodeRst(streamId: number, code: number): Uint8Array {
  return encodeControl(TYPE.rstStream, Buffer.concat([word(streamId), word(code)]));
}

export function encodePing(bytes: Uint8Array): Uint8Array {
  return encodeControl(TYPE.ping, bytes);
}

function encodeControl(type: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(CONTROL | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(body.byteLength, 4);
  return Buffer.concat([head, body]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
