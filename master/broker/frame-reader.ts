/**
 * Cuts a byte stream into MQTT packets (MQTT 3.1.1, section 2.2) before anything is buffered: what is larger than allowed
 * ends the connection, what the quick path takes goes there, all else is handed on untouched, in order. aedes itself would
 * collect a packet of any size, from anybody. Invariant: after a packet that is handed on, the rest of the piece is too.
 */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Takes the packet in `bytes` from `start` to `end`, or says no. */
export type TakeFrame = (bytes: Buffer, start: number, end: number) => boolean;

/** A packet of the quick path that is cut by the end of a piece waits for the next one, up to this size. */
const MAX_HELD_BYTES = 64 * 1024;

const MAX_HEADER_BYTES = 5;

export class FrameReader {
  #maxBytes: number;
  #rest: Buffer | undefined;
  /** Bytes of a packet that was handed on which are still to come. */
  #skip = 0;
  /** Packets that were seen. */
  frames = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A session that has identified itself may send larger packets. */
  raise(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** What is not for `take`; null: nothing. Throws FrameError: close the connection. */
  read(piece: Buffer, take?: TakeFrame): Buffer | null {
    const bytes = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    this.#rest = undefined;
    let at = Math.min(this.#skip, bytes.length);
    this.#skip -= at;
    let from = at > 0 ? 0 : -1;
    while (at < bytes.length) {
      const size = this.#sizeAt(bytes, at);
      if (size === 0) break;
      const end = at + size;
      if (take !== undefined && from < 0 && isQuick(bytes[at] ?? 0)) {
        if (end > bytes.length && size <= MAX_HELD_BYTES) break;
        this.frames += 1;
        if (end <= bytes.length && take(bytes, at, end)) {
          at = end;
          continue;
        }
      } else this.frames += 1;
      if (from < 0) from = at;
      this.#skip = Math.max(0, end - bytes.length);
      at = end - this.#skip;
    }
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
    return from < 0 || from === at ? null : bytes.subarray(from, at);
  }

  /** Of the packet that begins there, header included; 0: its length is not all there. */
  #sizeAt(bytes: Buffer, at: number): number {
    let length = 0;
    let factor = 1;
    for (let index = 1; index < MAX_HEADER_BYTES; index += 1) {
      const byte = bytes[at + index];
      if (byte === undefined) return 0;
      length += (byte & 0x7f) * factor;
      factor *= 128;
      if (length > this.#maxBytes) throw new FrameError('the packet is larger than allowed');
      if (byte < 0x80) return 1 + index + length;
    }
    throw new FrameError('the length of a packet is malformed');
  }
}

/** PUBLISH and PUBACK: nearly all that a busy client sends. */
function isQuick(firstByte: number): boolean {
  const type = firstByte >> 4;
  return type === 3 || type === 4;
}
