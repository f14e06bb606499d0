/** Signatures of bundles: by the key of a cluster, for one bundle, checked by the certificate that boards pin. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashFile } from '../../../firmware-scripts/hash-file.ts';
import { openCertificateAuthority } from '../../../master/gateway/pki/certificate-authority.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { systemRandom } from '../../../shared/platform/random.ts';
import { isSignedBy, signBundle } from '../../../shared/protocol/bundle-signature.ts';

const HASH = 'a'.repeat(64);

async function makeCluster(): Promise<{ key: string; certificate: string }> {
  const kept = new Map<string, string>();
  const write = async (name: string, text: string): Promise<void> => void kept.set(name, text);
  const files = { read: async (name: string) => kept.get(name), writePrivate: write, writePublic: write };
  const { certificate } = await openCertificateAuthority({ files, clock: systemClock, random: systemRandom });
  return { key: kept.get('ca.key') ?? '', certificate };
}

test('a signature is good for one bundle and one cluster', async () => {
  const [own, other] = await Promise.all([makeCluster(), makeCluster()]);
  const signature = signBundle(HASH, own.key);
  assert.equal(isSignedBy(HASH, signature, own.certificate), true);
  assert.equal(isSignedBy('b'.repeat(64), signature, own.certificate), false);
  assert.equal(isSignedBy(HASH, signature, other.certificate), false);
  assert.equal(isSignedBy(HASH, '', own.certificate), false);
});

test('the hash of a file is the one that sha256sum prints', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bramble-hash-'));
  const bytes = Buffer.alloc(300_000, 'bundle');
  await writeFile(join(folder, 'bundle'), bytes);
  assert.equal(await hashFile(join(folder, 'bundle')), createHash('sha256').update(bytes).digest('hex'));
  await rm(folder, { recursive: true });
});
