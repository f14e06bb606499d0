/** A node's certificate renews itself: against the real controllers, cut off at every point, and with the storage behind. */
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { CertificateRenewal, computeRenewalMs } from '../../../../node-agent/identity/certificate-renewal.ts';
import type { IdentityFiles } from '../../../../node-agent/identity/identity-files.ts';
import { type NodeIdentity, readIdentity, writeIdentity } from '../../../../node-agent/identity/node-identity.ts';
import { openStorageKey, wrapStorageKey } from '../../../../node-agent/identity/storage-key.ts';
import { createSealer } from '../../../../node-agent/kubelet/assignment/sealer.ts';
import { CertificateSigningRequestKind } from '../../../../shared/api/certificate-signing-request.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { createCertificate } from '../../../../shared/protocol/x509/certificate.ts';
import { generatePrivateKey, readPrivateKey } from '../../../../shared/protocol/x509/keys.ts';
import { createTestPki, type TestPki } from '../../../support/test-pki.ts';
import { type LiveCluster, startLiveCluster } from '../../controllers/live-cluster.ts';

const HOUR_MS = 3_600_000;

/** In place of a year: virtual time goes by fast, but not that fast. */
const VALIDITY_MS = 3 * HOUR_MS;
const NODE = 'pi-1';

/** Files in memory that may lose their power at the next write. */
function createFiles() {
  const files = new Map<string, string>();
  const power = { writesLeft: Number.POSITIVE_INFINITY };
  const use = (): void => {
    if (power.writesLeft <= 0) throw new Error('the power is gone');
    power.writesLeft -= 1;
  };
  const port: IdentityFiles = {
    read: async (name) => files.get(name),
    async write(name, text) {
      use();
      files.set(name, text);
    },
    async remove(name) {
      use();
      files.delete(name);
    },
  };
  return { files, power, port };
}

/** Self-signed: who signed is the master's business. */
function certify(key: string, notBeforeMs: number): string {
  const subject = { commonName: `system:node:${NODE}`, organizations: ['system:nodes'] };
  const privateKey = readPrivateKey(key);
  const serial = Buffer.alloc(16, 1);
  const dates = { notBeforeMs, notAfterMs: notBeforeMs + VALIDITY_MS };
  const publicKey = createPublicKey(privateKey);
  return createCertificate({
    ...dates,
    subject,
    publicKey,
    issuer: { subject, privateKey },
    serial,
    use: ['client auth'],
  });
}

let cluster: LiveCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function open() {
  const late: { pki?: TestPki } = {};
  cluster = await startLiveCluster({
    sign: async (pem, options) =>
      late.pki?.authority.signCertificateRequest(pem, { ...options, validityMs: VALIDITY_MS }) ?? '',
  });
  const { clock } = cluster;
  const pki = await createTestPki(clock);
  late.pki = pki;
  const key = generatePrivateKey();
  const cert = certify(key, clock.nowMs());
  const disk = createFiles();
  await writeIdentity(disk.port, { key, certificate: cert, ca: pki.authority.certificate });
  const storage = { files: disk.port, random: seededRandom(3), createSealer };
  const storageKey = await openStorageKey(storage, key);
  const client = cluster.as(`system:node:${NODE}`, ['system:nodes', 'system:authenticated']);
  /** A new agent on the same disk. */
  const start = async () => {
    const held = { identity: (await readIdentity(disk.port, NODE)) as NodeIdentity };
    const sealedWith = await openStorageKey(storage, held.identity.key);
    const renewal = new CertificateRenewal({
      ...{ node: NODE, client, files: disk.port, clock, random: seededRandom(4), logger: silentLogger },
      nowMs: () => clock.nowMs(),
      returnToCluster: () => Promise.reject(new Error('its certificate has not ended')),
      identity: () => held.identity,
      protectStorage: (keys) => wrapStorageKey(storage, sealedWith, keys),
      onRenewed: (identity) => {
        held.identity = identity;
      },
    });
    await renewal.start();
    return { held, renewal, sealedWith };
  };
  return { cluster, clock, disk, storageKey, start, first: { key, certificate: cert } };
}

describe('computeRenewalMs', () => {
  it('is at two thirds of a life, which begins when the certificate was obtained if that is known', async () => {
    const { first, clock } = await open();
    const { validFromDate, validToDate } = new X509Certificate(first.certificate);
    const [fromMs, toMs] = [validFromDate.getTime(), validToDate.getTime()];
    assert.equal(computeRenewalMs(first.certificate, { obtainedMs: 0, share: 0.5 }), (fromMs + toMs) / 2);
    const obtainedMs = clock.nowMs() + HOUR_MS;
    assert.equal(computeRenewalMs(first.certificate, { obtainedMs, share: 0.5 }), (obtainedMs + toMs) / 2);
  });
});

describe('certificate renewal', () => {
  it('waits, then brings a new key and a certificate that the same storage opens with', async () => {
    const { clock, disk, start, cluster, first, storageKey } = await open();
    const { held, renewal } = await start();
    await clock.advance(1.8 * HOUR_MS);
    assert.equal(held.identity.certificate, first.certificate);
    await clock.advance(0.5 * HOUR_MS);
    assert.notEqual(held.identity.certificate, first.certificate);
    assert.notEqual(held.identity.key, first.key);
    assert.deepEqual(await readIdentity(disk.port, NODE), held.identity);
    assert.deepEqual([...disk.files.keys()].sort(), ['ca.crt', 'node.pem', 'storage.key']);
    assert.equal((await cluster.client.list(CertificateSigningRequestKind)).items.length, 1);
    await renewal.stop();
    const again = await start();
    assert.deepEqual(again.sealedWith, storageKey);
    await again.renewal.stop();
  });

  it('goes on renewing, once each time', async () => {
    const { clock, start, cluster } = await open();
    const { renewal } = await start();
    await clock.advance(8.5 * HOUR_MS);
    assert.equal((await cluster.client.list(CertificateSigningRequestKind)).items.length, 4);
    await renewal.stop();
  });

  for (let writes = 0; writes < 6; writes += 1) {
    it(`survives a power cut after ${writes} writes`, async () => {
      const { clock, disk, start, first, storageKey } = await open();
      const { renewal } = await start();
      disk.power.writesLeft = writes;
      await clock.advance(2.5 * HOUR_MS);
      await renewal.stop();
      disk.power.writesLeft = Number.POSITIVE_INFINITY;
      const { held, renewal: next, sealedWith } = await start();
      assert.deepEqual(sealedWith, storageKey, 'what was sealed can still be opened');
      await clock.advance(0.2 * HOUR_MS);
      assert.notEqual(held.identity.key, first.key);
      assert.deepEqual(await readIdentity(disk.port, NODE), held.identity);
      await next.stop();
    });
  }
});

describe('storage key', () => {
  it('is another one when the private key is another one', async () => {
    const { disk, storageKey } = await open();
    const other = generatePrivateKey();
    const storage = { files: disk.port, random: seededRandom(9), createSealer };
    assert.notDeepEqual(await openStorageKey(storage, other), storageKey);
  });
  it('is made anew where the file is damaged', async () => {
    const { disk, storageKey, first } = await open();
    for (const text of ['', 'null', '{"version":2,"keys":{}}', '{"version":1,"keys":[]}']) {
      disk.files.set('storage.key', text);
      const storage = { files: disk.port, random: seededRandom(9), createSealer };
      const fresh = await openStorageKey(storage, first.key);
      assert.equal(fresh.length, 32);
      assert.notDeepEqual(fresh, storageKey);
      assert.deepEqual(await openStorageKey(storage, first.key), fresh);
    }
  });
  it('lies nowhere in the clear', async () => {
    const { disk, storageKey } = await open();
    const text = disk.files.get('storage.key') ?? '';
    assert.ok(!text.includes(Buffer.from(storageKey).toString('base64').slice(0, 12)));
  });
});
