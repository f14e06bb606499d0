/** Randomness as a parameter: real entropy in production, a seed in simulations. */
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** A uniformly distributed integer in [0, 2^32). */
  nextUint32(): number;
}

/** Words that are asked of the kernel at a time: a name takes sixteen. */
const POOL_WORDS = 64;

function createSystemRandom(): Random {
  const pool = new Uint32Array(POOL_WORDS);
  let used = POOL_WORDS;
  return {
    nextUint32() {
      if (used === POOL_WORDS) {
        // getRandomValues would load all of WebCrypto.
        randomFillSync(pool);
        used = 0;
      }
      const word = pool[used] ?? 0;
      // What was given out is nobody's business any more.
      pool[used] = 0;
      used += 1;
      return word;
    },
  };
}

export const systemRandom: Random = createSystemRandom();

/** SplitMix32: small, fast and good enough for simulations; never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    nextUint32() {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    },
  };
}

/** A float in [0, 1). */
export function nextFloat(random: Random): number {
  return random.nextUint32() / 2 ** 32;
}

/** An integer in [0, bound). */
export function nextInt(random: Random, bound: number): number {
  return Math.floor(nextFloat(random) * bound);
}

/** A version 4 UUID (RFC 9562, section 5.4), lower case. */
export function randomUuid(random: Random): string {
  const bytes = Array.from({ length: 16 }, () => random.nextUint32() & 0xff);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Kubernetes' alphabet for generated names: no vowels, and nothing that reads like a vowel. */
const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** What `generateName` appends: `length` characters that never spell a word. */
export function randomSuffix(random: Random, length = 5): string {
  return Array.from({ length }, () => NAME_ALPHABET[nextInt(random, NAME_ALPHABET.length)]).join('');
}
