/**
 * Bounds the size of MQTT packets before they are buffered: follows the fixed headers of a byte stream (MQTT 3.1.1, section
 * 2.2) without keeping any of it. aedes itself collects a packet of any size, from anybody.
 */
export class PacketLimit {
  #maxBytes: number;
  /** Bytes of the present packet's body that are still to come. */
  #skip = 0;
  /** Remaining-length bytes read so far; -1 before the first byte of a packet. */
  #lengthBytes = -1;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A session that has identified itself may send larger packets. */
  raise(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** False when a packet in it announces more than the bound, or its length is malformed: close the connection. */
  accept(bytes: Uint8Array): boolean {
    for (let index = 0; index < bytes.byteLength; ) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, bytes.byteLength - index);
        this.#skip -= taken;
        index += taken;
      } else {
        if (!this.#header(bytes[index] ?? 0)) return false;
        index += 1;
      }
    }
    return true;
  }

  #header(byte: number): boolean {
    if (this.#lengthBytes < 0) {
      this.#lengthBytes = 0;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    if ((byte & 0x80) !== 0) return this.#lengthBytes < 4;
    this.#lengthBytes = -1;
    this.#skip = this.#length;
    return this.#length <= this.#maxBytes;
  }
}
