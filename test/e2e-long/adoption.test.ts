/**
 * A board's life beyond its first card: flashed anew it takes its old place with one approval, and the old card is worth
 * nothing from then on; off for so long that its certificate has ended, it comes back by itself.
 */
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureBundles } from '../../cli/setup/bundles.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { createCertificate } from '../../shared/protocol/x509/certificate.ts';
import { readPrivateKey } from '../../shared/protocol/x509/keys.ts';
import { createTestContext, startTestCluster, type TestCluster } from '../support/cluster.ts';
import { run } from '../support/firmware/pi-image.ts';
import { SupervisedBoard } from '../support/firmware/supervised-board.ts';
import { ROOT } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';

const PATIENCE = { timeoutMs: 125_000 };
const NODE = 'attic';
const YEAR_MS = 365 * 24 * 3_600_000;

let folder: string;
let cluster: TestCluster;
let board: SupervisedBoard | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bramble-adoption-'));
  const tree = join(folder, 'system/proc/device-tree');
  await mkdir(tree, { recursive: true });
  await writeFile(join(tree, 'serial-number'), '10000000abcdef01\0');
  cluster = await startTestCluster();
  await ensureBundles(createTestContext(), ['agent']);
  await run(process.execPath, [join(ROOT, 'cli/build-bundles.ts'), 'cli']);
  board = await startBoard();
  await waitReady();
});

after(async () => {
  await board?.remove();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** With a card that has never joined. */
async function startBoard(): Promise<SupervisedBoard> {
  const { state, engine } = cluster;
  const flags = [
    ...['--join', await bramble('token', 'create'), '--master', '127.0.0.1', '--mqtt-port', String(state.mqttPort)],
    ...['--docker', engine.socketPath, '--network', 'off', '--peer-port', '0', '--mdns', 'off'],
    ...['--sensors-root', join(folder, 'system')],
  ];
  const made = await SupervisedBoard.make({ name: NODE, version: '1.0.0', flags, trialSeconds: 60 });
  made.start();
  return made;
}

async function bramble(...args: string[]): Promise<string> {
  return (await run(join(ROOT, 'cli/bramble'), [...args, '--data-dir', cluster.folder.path])).trim();
}

async function waitReady(): Promise<void> {
  await cluster.kubectl.output(['wait', '--for=create', `node/${NODE}`, '--timeout=60s'], PATIENCE);
  await cluster.kubectl.output(['wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=120s'], PATIENCE);
}

function waitLost(): Promise<string> {
  const lost = ['wait', '--for=condition=Ready=Unknown', `node/${NODE}`, '--timeout=60s'];
  return cluster.kubectl.output(lost, PATIENCE);
}

/** What the API says to whoever shows this identity. */
function askAs(pem: string): Promise<number> {
  const [key, cert] = [
    /-----BEGIN PRIVATE[\s\S]*PRIVATE KEY-----/.exec(pem)?.[0],
    /-----BEGIN CERT[\s\S]*CERTIFICATE-----/.exec(pem)?.[0],
  ];
  const url = `https://127.0.0.1:${cluster.state.apiPort}/api/v1/nodes/${NODE}`;
  return new Promise((resolve, reject) => {
    const asked = request(url, { key, cert, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('a board that was flashed anew waits under its name, and one approval brings it back', async () => {
  const old = board as SupervisedBoard;
  const oldCard = await old.readData('identity/node.pem');
  assert.equal(await askAs(oldCard), 200);
  await old.remove();
  await waitLost();
  board = await startBoard();
  await waitFor('the board waits', async () => (await bramble('node', 'approve')).includes(NODE), 60_000);
  assert.match(
    await waitFor('its report', async () => (await board?.readData('identity/join-waiting')) || undefined),
    /bramble node approve attic/,
  );
  const isReady = ['get', 'node', NODE, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
  assert.equal(await cluster.kubectl.output(isReady), 'Unknown');
  await bramble('node', 'approve', NODE);
  await waitReady();
  assert.equal(await askAs(oldCard), 401, 'the old card is worth nothing');
  assert.equal(await askAs(await board.readData('identity/node.pem')), 200);
});

test('a board that was off until its certificate had ended comes back by itself', async () => {
  const here = board as SupervisedBoard;
  await here.cutPower();
  await waitLost();
  await here.writeData('identity/node.pem', await makeEnded(await here.readData('identity/node.pem')));
  here.start();
  await waitReady();
  const { validToDate } = new X509Certificate(await here.readData('identity/node.pem').then(certificateOf));
  assert.ok(validToDate.getTime() > systemClock.nowMs() + YEAR_MS / 2);
});

function certificateOf(pem: string): string {
  return /-----BEGIN CERT[\s\S]*CERTIFICATE-----\n?/.exec(pem)?.[0] ?? '';
}

/** The identity as it would be after some years: signed by the cluster's CA for the same key, and over since yesterday. */
async function makeEnded(pem: string): Promise<string> {
  const pki = join(cluster.folder.path, 'pki');
  const [caKey, ca] = [await readFile(join(pki, 'ca.key'), 'utf8'), await readFile(join(pki, 'ca.crt'), 'utf8')];
  const key = pem.replace(certificateOf(pem), '');
  const issuerName = /CN=(.+)/.exec(new X509Certificate(ca).subject)?.[1] ?? '';
  // Later than the certificate that the board was adopted with, or it would count as the replaced one's.
  const since = new X509Certificate(certificateOf(pem)).validFromDate.getTime();
  const certificate = createCertificate({
    subject: { commonName: `system:node:${NODE}`, organizations: ['system:nodes'] },
    publicKey: createPublicKey(readPrivateKey(key)),
    issuer: { subject: { commonName: issuerName, organizations: [] }, privateKey: readPrivateKey(caKey) },
    serial: Buffer.alloc(16, 5),
    notBeforeMs: since + 1_000,
    notAfterMs: since + 3_600_000,
    use: ['client auth'],
  });
  return `${key.trimEnd()}\n${certificate}`;
}
