/**
 * The bytes of protocol buffers: tags, varints, lengths. Knows no message; every read is checked against the end.
 * Source: protobuf.dev, "Encoding".
 */
export type DecodeErrorReason = 'malformed' | 'unknownKind';

export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly reason: DecodeErrorReason;

  constructor(reason: DecodeErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export interface Tag {
  field: number;
  wireType: number;
}

/** A varint of 64 bits has ten bytes at most. */
const MAX_VARINT_BYTES = 10;

export class WireReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  isAtEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  tag(): Tag {
    const tag = Number(this.varint());
    const field = Math.floor(tag / 8);
    if (field === 0 || tag > 0xffffffff) throw malformed('a field has an invalid number');
    return { field, wireType: tag % 8 };
  }

  /** The unsigned value; see `signedVarint`. */
  varint(): bigint {
    let value = 0n;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(index * 7);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed('a number has too many bytes');
  }

  /** int32 and int64 are written as 64-bit two's complement. */
  signedVarint(): bigint {
    return BigInt.asIntN(64, this.varint());
  }

  double(): number {
    const { buffer, byteOffset } = this.#take(8);
    return new DataView(buffer, byteOffset, 8).getFloat64(0, true);
  }

  /** A view of the input, not a copy. */
  bytes(): Uint8Array {
    const length = this.varint();
    if (length > BigInt(this.#bytes.length)) throw truncated();
    return this.#take(Number(length));
  }

  skip(wireType: number): void {
    if (wireType === WIRE.varint) this.varint();
    else if (wireType === WIRE.fixed64) this.#take(8);
    else if (wireType === WIRE.bytes) this.bytes();
    else if (wireType === WIRE.fixed32) this.#take(4);
    else throw malformed(`a field has the unknown wire type ${wireType}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) throw truncated();
    this.#position += 1;
    return byte;
  }

  #take(length: number): Uint8Array {
    const end = this.#position + length;
    if (end > this.#bytes.length) throw truncated();
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }
}

export function malformed(why: string): DecodeError {
  return new DecodeError('malformed', `the protobuf body cannot be read: ${why}`);
}

function truncated(): DecodeError {
  return malformed('it ends in the middle of a field');
}
