/** A node's identity: who the master is by the hash of its CA, what is kept on disk, and how a certificate is asked for. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { createIdentityFiles } from '../../../../node-agent/identity/identity-files.ts';
import { obtainIdentity } from '../../../../node-agent/identity/join.ts';
import { readIdentity, readOrMakeKey, writeIdentity } from '../../../../node-agent/identity/node-identity.ts';
import { fetchCa } from '../../../../node-agent/identity/presented-ca.ts';
import { requestCertificate } from '../../../../node-agent/identity/request-certificate.ts';
import { CertificateSigningRequestKind } from '../../../../shared/api/certificate-signing-request.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { computeCaHash } from '../../../../shared/protocol/join-token.ts';
import { createCertificate } from '../../../../shared/protocol/x509/certificate.ts';
import { parseCertificateRequest } from '../../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey, readPrivateKey } from '../../../../shared/protocol/x509/keys.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { createAgentFixture } from '../agent-fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'bramble-identity-'));
after(() => rmSync(root, { recursive: true, force: true }));

const DAY_MS = 86_400_000;

/** A certificate for `commonName`, signed by `issuer` or by itself. */
function certify(
  commonName: string,
  key: string,
  issuer = { commonName, key },
  use: 'ca' | ['server auth'] = 'ca',
): string {
  const now = systemClock.nowMs();
  return createCertificate({
    subject: { commonName, organizations: [] },
    publicKey: createPublicKey(readPrivateKey(key)),
    issuer: { subject: { commonName: issuer.commonName, organizations: [] }, privateKey: readPrivateKey(issuer.key) },
    serial: Buffer.alloc(16, 7),
    notBeforeMs: now - DAY_MS,
    notAfterMs: now + DAY_MS,
    use,
  });
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

describe('fetchCa', () => {
  const caKey = generatePrivateKey();
  const ca = certify('test-ca', caKey);
  const key = generatePrivateKey();
  const cert = certify('bramble-master', key, { commonName: 'test-ca', key: caKey }, ['server auth']);
  const server = createServer({ key, cert: cert + ca });
  after(() => server.close());
  const listening = new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  const token = (caHash: string) => ({ caHash, id: 'abcdef', secret: '0123456789abcdef' });

  it('takes the CA that the token names', async () => {
    const found = await fetchCa({ host: '127.0.0.1', port: await listening }, token(computeCaHash(derOf(ca))));
    assert.deepEqual(derOf(found), derOf(ca));
  });
  it('refuses every other one, and says both hashes', async () => {
    const wrong = fetchCa({ host: '127.0.0.1', port: await listening }, token('0'.repeat(64)));
    await assert.rejects(wrong, { name: 'IdentityError', reason: 'wrong-ca', message: /another cluster/ });
  });
});

describe('identity on disk', () => {
  const files = createIdentityFiles(join(root, 'node'));
  it('begins with a key that is made once and that nobody else can read', async () => {
    const key = await readOrMakeKey(files);
    assert.equal(await readOrMakeKey(files), key);
    assert.equal(statSync(join(root, 'node', 'node.key')).mode & 0o777, 0o600);
  });
  it('is complete with its certificate', async () => {
    assert.equal(await readIdentity(files, 'pi-1'), undefined);
    const key = await readOrMakeKey(files);
    const identity = { key, certificate: certify('system:node:pi-1', key), ca: 'ca' };
    await writeIdentity(files, identity);
    assert.deepEqual(await readIdentity(files, 'pi-1'), identity);
  });
  it('is one file that only the owner reads, and nothing of the request is left', () => {
    assert.equal(statSync(join(root, 'node', 'node.pem')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(root, 'node')).sort(), ['ca.crt', 'node.pem']);
  });
  it('is read from the files of version 0.1.0, once', async () => {
    const former = createIdentityFiles(join(root, 'former'));
    const key = generatePrivateKey();
    const identity = { key, certificate: certify('system:node:pi-1', key), ca: 'ca' };
    await former.write('node.key', key);
    await former.write('node.crt', identity.certificate);
    await former.write('ca.crt', identity.ca);
    assert.deepEqual(await readIdentity(former, 'pi-1'), identity);
    assert.deepEqual(readdirSync(join(root, 'former')).sort(), ['ca.crt', 'node.pem']);
    assert.deepEqual(await readIdentity(former, 'pi-1'), identity);
  });
  for (const [what, text] of [
    ['is no identity', 'nonsense'],
    ['is half of one', generatePrivateKey()],
    ['has the certificate of another key', generatePrivateKey() + certify('system:node:pi-1', generatePrivateKey())],
  ] as const) {
    it(`is damaged where the file ${what}`, async () => {
      const damaged = createIdentityFiles(join(root, 'damaged'));
      await damaged.write('ca.crt', 'ca');
      await damaged.write('node.pem', text);
      await assert.rejects(readIdentity(damaged, 'pi-1'), { reason: 'damaged', message: /join anew with a token/ });
    });
  }
  it('belongs to one node', async () => {
    await assert.rejects(readIdentity(files, 'pi-2'), {
      reason: 'damaged',
      message: /belongs to the node "pi-1".*--name pi-1/,
    });
  });
  it('says when the directory cannot be written', async () => {
    const nowhere = createIdentityFiles(join(root, 'node', 'node.pem', 'below'));
    await assert.rejects(readOrMakeKey(nowhere), { reason: 'not-writable', message: /--data-dir/ });
  });
});

describe('obtainIdentity', () => {
  const options = (folder: string, token: string | undefined) => ({
    ...{
      node: 'pi-1',
      serial: '',
      token,
      master: { host: '127.0.0.1', port: 1 },
      files: createIdentityFiles(join(root, folder)),
    },
    ...{
      clock: createVirtualClock(),
      random: seededRandom(1),
      logger: silentLogger,
      signal: new AbortController().signal,
    },
  });
  it('asks for a token where there is nothing', async () => {
    await assert.rejects(obtainIdentity(options('empty', undefined)), {
      reason: 'no-token',
      message: /token create.*--join/,
    });
  });
  it('says what is wrong with a token', async () => {
    await assert.rejects(obtainIdentity(options('empty', 'bramble:xyz')), {
      reason: 'bad-token',
      message: /no join token/,
    });
  });
  it('needs no token where there is an identity', async () => {
    const wanted = options('known', undefined);
    const key = await readOrMakeKey(wanted.files);
    await writeIdentity(wanted.files, { key, certificate: certify('system:node:pi-1', key), ca: 'ca' });
    assert.equal((await obtainIdentity(wanted)).key, key);
  });
  it('tries again while the master is away, and ends when it is told to', async () => {
    const abort = new AbortController();
    const wanted = { ...options('waiting', `bramble:${'0'.repeat(64)}:abcdef.0123456789abcdef`), signal: abort.signal };
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const ended = assert.rejects(obtainIdentity({ ...wanted, logger }));
    while (warnings.length < 2) await wanted.clock.advance(5_000);
    abort.abort();
    await ended;
    assert.match(warnings[0] ?? '', /cannot join yet, will try again/);
  });
});

describe('requestCertificate', () => {
  it('asks once for what the node is, and takes the answer', async () => {
    const fixture = await createAgentFixture();
    const { client, clock } = fixture;
    const key = generatePrivateKey();
    const { signal } = new AbortController();
    const ask = () => requestCertificate({ client, node: 'pi-9', key, clock, random: seededRandom(1), signal });
    const answers = Promise.all([ask(), ask()]);
    await clock.advance(1_000);
    const { items } = await client.list(CertificateSigningRequestKind);
    assert.equal(items.length, 1);
    const [request] = items;
    const pem = Buffer.from(request?.spec.request ?? '', 'base64').toString();
    assert.deepEqual(parseCertificateRequest(pem).subject, {
      commonName: 'system:node:pi-9',
      organizations: ['system:nodes'],
    });
    const name = request?.metadata.name ?? '';
    const certificate = Buffer.from(certify('system:node:pi-9', key)).toString('base64');
    const body = { status: { certificate } };
    await client.patch(CertificateSigningRequestKind, { name }, { type: 'merge', body, subresource: 'status' });
    await clock.advance(1_000);
    for (const answer of await answers) assert.match(answer, /BEGIN CERTIFICATE/);
    await fixture.stop();
  });
});
