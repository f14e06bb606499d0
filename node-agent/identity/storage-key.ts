/**
 * The key of what this node keeps on its disk. It is random, made once, and lies wrapped by a key that is derived from the
 * node's private key (HKDF): without that nobody reads it, and a renewed private key only wraps it anew. Invariant: at any
 * point of a power cut, the node's key of the moment opens the file.
 */
import { createHash, createPublicKey, hkdfSync } from 'node:crypto';
import { isJsonObject } from '../../shared/machinery/json.ts';
import type { Random } from '../../shared/platform/random.ts';
import { encodePublicKey, readPrivateKey } from '../../shared/protocol/x509/keys.ts';
import type { IdentityFiles } from './identity-files.ts';

export interface StorageKeyOptions {
  files: IdentityFiles;
  random: Random;
  /** AES-256-GCM with a 32 byte key. */
  createSealer(key: Uint8Array, random: Random): KeySealer;
}

export interface KeySealer {
  seal(plain: Uint8Array, name: string): Uint8Array;
  open(sealed: Uint8Array, name: string): Uint8Array | undefined;
}

const FILE = 'storage.key';
const VERSION = 1;
const KEY_BYTES = 32;

/** 32 bytes. `nodeKey` is the PEM of the node's private key; when it opens nothing, a new key is made. */
export async function openStorageKey(options: StorageKeyOptions, nodeKey: string): Promise<Uint8Array> {
  const wrapped = parse(await options.files.read(FILE))[fingerprintOf(nodeKey)] ?? '';
  const key = wrapperOf(options, nodeKey).open(Buffer.from(wrapped, 'base64'), FILE);
  if (key?.length === KEY_BYTES) return key;
  const fresh = randomKey(options.random);
  await wrapStorageKey(options, fresh, [nodeKey]);
  return fresh;
}

/** From now on each of these private keys opens the storage key, and no other. */
export async function wrapStorageKey(
  options: StorageKeyOptions,
  key: Uint8Array,
  nodeKeys: readonly string[],
): Promise<void> {
  const keys = Object.fromEntries(nodeKeys.map((nodeKey) => [fingerprintOf(nodeKey), wrap(options, nodeKey, key)]));
  await options.files.write(FILE, `${JSON.stringify({ version: VERSION, keys })}\n`);
}

function wrap(options: StorageKeyOptions, nodeKey: string, key: Uint8Array): string {
  return Buffer.from(wrapperOf(options, nodeKey).seal(key, FILE)).toString('base64');
}

function wrapperOf({ createSealer, random }: StorageKeyOptions, nodeKey: string): KeySealer {
  const secret = readPrivateKey(nodeKey).export({ type: 'pkcs8', format: 'der' });
  const derived = hkdfSync('sha256', secret, Buffer.alloc(0), 'bramble node storage key', KEY_BYTES);
  return createSealer(new Uint8Array(derived), random);
}

/** Of the public key, so that the file tells nothing. */
function fingerprintOf(nodeKey: string): string {
  const publicKey = createPublicKey(readPrivateKey(nodeKey));
  return createHash('sha256').update(encodePublicKey(publicKey)).digest('hex').slice(0, 32);
}

/** Wrapped keys by fingerprint; none when the file is missing, damaged or of another version. */
function parse(text: string | undefined): Record<string, string> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (!isJsonObject(value) || value['version'] !== VERSION || !isJsonObject(value['keys'])) return {};
    const keys = Object.entries(value['keys']);
    return Object.fromEntries(
      keys.flatMap(([name, wrapped]) => (typeof wrapped === 'string' ? [[name, wrapped]] : [])),
    );
  } catch {
    return {};
  }
}

function randomKey(random: Random): Uint8Array {
  const key = Buffer.alloc(KEY_BYTES);
  for (let offset = 0; offset < KEY_BYTES; offset += 4) key.writeUInt32LE(random.nextUint32(), offset);
  return key;
}
