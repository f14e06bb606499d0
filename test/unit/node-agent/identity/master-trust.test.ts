/** Boards without a clock: the master's time, over the CA's key, decides about dates; everything else stays as strict. */
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { createBroker } from '../../../../master/broker/broker.ts';
import { complaintAboutDates, complaintAboutIssuer } from '../../../../node-agent/identity/master-certificate.ts';
import { askMasterTime } from '../../../../node-agent/identity/master-time.ts';
import { MasterTrust } from '../../../../node-agent/identity/master-trust.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { systemRandom } from '../../../../shared/platform/random.ts';
import { connectMqtt, type MqttFailure, type MqttTransport } from '../../../../shared/protocol/mqtt-transport.ts';
import { type CertificateUsage, createCertificate } from '../../../../shared/protocol/x509/certificate.ts';
import { generatePrivateKey, readPrivateKey } from '../../../../shared/protocol/x509/keys.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const NOW_MS = systemClock.nowMs();

interface Wish {
  commonName?: string;
  dnsNames?: string[];
  use?: 'ca' | readonly CertificateUsage[];
  issuer?: { commonName: string; key: string };
  fromMs?: number;
  toMs?: number;
}

const caKey = generatePrivateKey();
const CA = { commonName: 'test-ca', key: caKey };

function certify(key: string, wish: Wish): string {
  const { commonName = 'bramble-master', use = ['server auth'], issuer = CA } = wish;
  return createCertificate({
    subject: { commonName, organizations: [] },
    publicKey: createPublicKey(readPrivateKey(key)),
    issuer: { subject: { commonName: issuer.commonName, organizations: [] }, privateKey: readPrivateKey(issuer.key) },
    serial: Buffer.alloc(16, 7),
    notBeforeMs: wish.fromMs ?? NOW_MS - DAY_MS,
    notAfterMs: wish.toMs ?? NOW_MS + YEAR_MS,
    use,
    ...(use === 'ca' ? {} : { dnsNames: wish.dnsNames ?? ['bramble-master'] }),
  });
}

/** Old enough for every case, as a real one is. */
const ca = certify(caKey, { ...CA, use: 'ca', fromMs: NOW_MS - 10 * YEAR_MS, toMs: NOW_MS + 10 * YEAR_MS });
const key = generatePrivateKey();

describe('complaintAboutIssuer', () => {
  const other = { commonName: 'test-ca', key: generatePrivateKey() };
  const table: readonly [string, Wish, RegExp | undefined][] = [
    ['the master', {}, undefined],
    ['the master long after', { fromMs: NOW_MS - 3 * YEAR_MS, toMs: NOW_MS - YEAR_MS }, undefined],
    ['another CA of the same name', { issuer: other }, /not signed by this cluster's CA/],
    ['a node of the cluster', { use: ['client auth'] }, /not one of a server/],
    ['another server of the cluster', { dnsNames: ['elsewhere'] }, /does not say bramble-master/],
    ['an authority', { use: 'ca' }, /CA's certificate/],
  ];
  for (const [who, wish, complaint] of table) {
    it(`${complaint === undefined ? 'believes' : 'refuses'} ${who}`, () => {
      const found = complaintAboutIssuer(new X509Certificate(certify(key, wish)), new X509Certificate(ca));
      if (complaint === undefined) assert.equal(found, undefined);
      else assert.match(found ?? '', complaint);
    });
  }
});

describe('complaintAboutDates', () => {
  const certificate = new X509Certificate(certify(key, { fromMs: NOW_MS, toMs: NOW_MS + YEAR_MS }));
  const table: readonly [string, number, number, RegExp | undefined][] = [
    ['a time within its life', NOW_MS + DAY_MS, NOW_MS, undefined],
    ['a time before it', NOW_MS - DAY_MS, 0, /not begun/],
    ['a time after it', NOW_MS + 2 * YEAR_MS, NOW_MS, /ended/],
    // A stolen certificate of last year, and a time to match.
    ['a time before what is certainly past', NOW_MS + DAY_MS, NOW_MS + 2 * YEAR_MS, /certainly past/],
  ];
  for (const [what, masterMs, earliestMs, complaint] of table) {
    it(`${complaint === undefined ? 'believes' : 'refuses'} ${what}`, () => {
      const found = complaintAboutDates(certificate, { masterMs, earliestMs });
      if (complaint === undefined) assert.equal(found, undefined);
      else assert.match(found ?? '', complaint);
    });
  }
});

/** A real broker over TLS whose clock shows `masterMs`, and a board that dials it. */
async function meet(
  wish: Wish,
  { masterMs, earliestMs = NOW_MS - 9 * YEAR_MS }: { masterMs: number; earliestMs?: number },
) {
  const heard: string[] = [];
  const broker = createBroker({
    ...{ host: '127.0.0.1', port: 0, logger: silentLogger, clock: { ...systemClock, nowMs: () => masterMs } },
    tls: { key, cert: certify(key, wish), ca },
    authenticate: async ({ password }) => {
      heard.push(password ?? '');
      return { name: 'system:node:pi-1', uid: '', groups: ['system:nodes'], extra: {} };
    },
  });
  await broker.start();
  const address = { host: '127.0.0.1', port: broker.port() };
  const environment = { clock: systemClock, logger: silentLogger };
  const trust = new MasterTrust({ ...environment, master: address, ca, earliestMs, askTime: askMasterTime });
  const failures: MqttFailure[] = [];
  const settled = Promise.withResolvers<'connected' | 'refused'>();
  const transport: MqttTransport = connectMqtt({
    ...{ ...environment, random: systemRandom, clientId: 'node-pi-1' },
    connection: () => ({ ...trust.connection(), username: 'bootstrap', password: 'secret' }),
    onFailure: (failure) => {
      failures.push(failure);
      void trust.overcomes(failure).then((isOvercome) => (isOvercome ? undefined : settled.resolve('refused')));
    },
  });
  transport.onLink((up) => {
    if (up) settled.resolve('connected');
  });
  const outcome = await settled.promise;
  await transport.close();
  await broker.stop();
  return { outcome, failures, heard, trust, address };
}

describe('a board and its master', { concurrency: 4 }, () => {
  const future: Wish = { fromMs: NOW_MS + YEAR_MS, toMs: NOW_MS + 2 * YEAR_MS };
  const past: Wish = { fromMs: NOW_MS - 2 * YEAR_MS, toMs: NOW_MS - YEAR_MS };

  it('meet at once when both clocks are right, and nobody asks for the time', async () => {
    const { outcome, failures, trust } = await meet({}, { masterMs: NOW_MS + 9 * YEAR_MS });
    assert.equal(outcome, 'connected');
    assert.deepEqual(failures, []);
    assert.ok(Math.abs(trust.nowMs() - systemClock.nowMs()) < 1_000);
  });
  it('meet when the board has no clock yet', async () => {
    const { outcome, trust } = await meet(future, { masterMs: NOW_MS + 1.5 * YEAR_MS });
    assert.equal(outcome, 'connected');
    assert.ok(Math.abs(trust.nowMs() - (NOW_MS + 1.5 * YEAR_MS)) < 60_000);
  });
  it('meet when the clock of the board is ahead', async () => {
    assert.equal((await meet(past, { masterMs: NOW_MS - 1.5 * YEAR_MS })).outcome, 'connected');
  });
  it('do not meet when the certificate has really ended; nothing secret is said', async () => {
    const { outcome, failures, heard } = await meet(past, { masterMs: NOW_MS });
    assert.equal(outcome, 'refused');
    assert.equal(failures[0]?.code, 'CERT_HAS_EXPIRED');
    assert.deepEqual(heard, []);
  });
  it('do not meet when the time is certainly past', async () => {
    const { outcome, heard } = await meet(past, { masterMs: NOW_MS - 1.5 * YEAR_MS, earliestMs: NOW_MS - DAY_MS });
    assert.equal(outcome, 'refused');
    assert.deepEqual(heard, []);
  });
  it('do not meet when another CA has signed, whatever the dates', async () => {
    const issuer = { commonName: 'test-ca', key: generatePrivateKey() };
    for (const wish of [{ issuer }, { ...future, issuer }]) {
      const { outcome, heard } = await meet(wish, { masterMs: NOW_MS + 1.5 * YEAR_MS });
      assert.equal(outcome, 'refused');
      assert.deepEqual(heard, []);
    }
  });
});

describe('a connection that the board judges itself', () => {
  it('sends nothing before the judgement', async () => {
    const heard: string[] = [];
    const broker = createBroker({
      ...{ host: '127.0.0.1', port: 0, logger: silentLogger, tls: { key, cert: certify(key, {}), ca } },
      authenticate: async ({ password }) => {
        heard.push(password ?? '');
        return { name: 'x', uid: '', groups: [], extra: {} };
      },
    });
    await broker.start();
    after(() => broker.stop());
    const failed = Promise.withResolvers<MqttFailure>();
    const transport = connectMqtt({
      ...{ clock: systemClock, random: systemRandom, logger: silentLogger, clientId: 'x', onFailure: failed.resolve },
      connection: () => ({
        ...{ host: '127.0.0.1', port: broker.port(), username: 'bootstrap', password: 'secret' },
        tls: { ca, servername: 'bramble-master' },
        verify: () => Object.assign(new Error('not today'), { code: 'CERT_UNTRUSTED' }),
      }),
    });
    assert.equal((await failed.promise).reason, 'untrusted');
    await transport.close();
    assert.deepEqual(heard, []);
  });
});
