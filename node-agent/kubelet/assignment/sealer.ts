/**
 * Seals what lies on the card: AES-256-GCM, so that nobody reads or changes it without the node's key, and so that a
 * damaged file is known as one. A file's name is sealed with it: files cannot be exchanged for one another.
 *
 *     "BRK1" | nonce, 12 bytes | ciphertext | tag, 16 bytes
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../../../shared/platform/random.ts';

export interface Sealer {
  seal(plain: Uint8Array, name: string): Uint8Array;
  /** undefined: damaged, sealed with another key, another name, or in a format that this version does not know. */
  open(sealed: Uint8Array, name: string): Uint8Array | undefined;
}

/** The format's version is part of it. */
const MAGIC = Buffer.from('BRK1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

/** `key`: 32 bytes. `random` has to be the machine's own outside of simulations: a nonce must never come twice. */
export function createSealer(key: Uint8Array, random: Random): Sealer {
  return {
    seal(plain, name) {
      const nonce = makeNonce(random);
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(labelOf(name));
      return Buffer.concat([MAGIC, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, name) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const bodyStart = MAGIC.length + NONCE_BYTES;
      const bodyEnd = bytes.length - TAG_BYTES;
      if (bodyEnd < bodyStart || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
      const nonce = bytes.subarray(MAGIC.length, bodyStart);
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(labelOf(name));
      decipher.setAuthTag(bytes.subarray(bodyEnd));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(bodyStart, bodyEnd)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}

function labelOf(name: string): Buffer {
  return Buffer.concat([MAGIC, Buffer.from(name)]);
}

function makeNonce(random: Random): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  for (let offset = 0; offset < NONCE_BYTES; offset += 4) nonce.writeUInt32LE(random.nextUint32(), offset);
  return nonce;
}
