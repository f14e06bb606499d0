/** The agent's side of an update: what is refused before it is taken, what came damaged, and when a version is confirmed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { openCertificateAuthority } from '../../../../master/gateway/pki/certificate-authority.ts';
import { findInstallation, type Installation, parseStatus } from '../../../../node-agent/update/installation.ts';
import { TrialKeeper } from '../../../../node-agent/update/trial-keeper.ts';
import { createUpdateHandler } from '../../../../node-agent/update/update-handler.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { systemRandom } from '../../../../shared/platform/random.ts';
import { signBundle } from '../../../../shared/protocol/bundle-signature.ts';
import type { ChannelFrame, Handler, Request } from '../../../../shared/protocol/exchange.ts';
import { Installation as TestInstallation } from '../../../support/firmware/installation.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

async function makeCluster(): Promise<{ key: string; ca: string }> {
  const kept = new Map<string, string>();
  const write = async (name: string, text: string): Promise<void> => void kept.set(name, text);
  const files = { read: async (name: string) => kept.get(name), writePrivate: write, writePublic: write };
  const { certificate } = await openCertificateAuthority({ files, clock: systemClock, random: systemRandom });
  return { key: kept.get('ca.key') ?? '', ca: certificate };
}

const cluster = await makeCluster();

function ask(method: Request['method'], query: Record<string, string> = {}): Request {
  const lists = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value]]));
  return { method, path: '/update', query: lists, headers: {}, signal: new AbortController().signal };
}

/** Sends the frames of a bundle; resolves with the status that the agent answers. */
async function send(handler: Handler, bundle: Buffer, query: Record<string, string>) {
  const response = await handler(ask('POST', query));
  assert.equal(response.type, 'channels');
  const answers: ChannelFrame[] = [];
  async function* incoming(): AsyncGenerator<ChannelFrame> {
    yield { channel: 0, bytes: bundle.subarray(0, 100) };
    yield { channel: 0, bytes: bundle.subarray(100) };
    yield { channel: 0, close: true };
  }
  const channels = { incoming: incoming(), send: async (frame: ChannelFrame) => void answers.push(frame), close() {} };
  if (response.type === 'channels') await response.serve(channels);
  const last = answers.find(({ channel }) => channel === 3);
  return JSON.parse(last && 'bytes' in last ? Buffer.from(last.bytes).toString() : '{}');
}

async function makeBoard() {
  const board = await TestInstallation.make();
  const installation = findInstallation(`${board.root}/versions/1.0.0/dist/agent.cjs`);
  const restarts: number[] = [];
  const options = { installation, ca: () => cluster.ca, restart: () => void restarts.push(1), logger: silentLogger };
  return { board, installation, restarts, handler: createUpdateHandler(options) };
}

async function readBundle(board: TestInstallation) {
  const bytes = await readFile(await board.makeBundle('2.0.0'));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, sha256, signature: signBundle(sha256, cluster.key) };
}

test('a signed bundle is put on trial, and the agent makes way for it', async () => {
  const { board, handler, restarts } = await makeBoard();
  try {
    const { bytes, sha256, signature } = await readBundle(board);
    assert.equal((await send(handler, bytes, { sha256, signature })).status, 'Success');
    assert.equal(restarts.length, 1);
    const state = await handler(ask('GET'));
    assert.ok(state.type === 'object');
    const { current: _, ...said } = JSON.parse(JSON.stringify(state.body));
    assert.deepEqual(said, {
      kind: 'NodeUpdate',
      apiVersion: 'bramble.dev/v1',
      version: '2.0.0',
      outcome: 'trial',
      from: 'versions/1.0.0',
      to: `versions/2.0.0-${sha256.slice(0, 12)}`,
      sha256,
    });
  } finally {
    await board.remove();
  }
});

test('nothing is taken that is not signed by the own cluster, nor what came damaged', async () => {
  const { board, handler, restarts } = await makeBoard();
  try {
    const { bytes, sha256, signature } = await readBundle(board);
    const foreign = signBundle(sha256, (await makeCluster()).key);
    await assert.rejects(handler(ask('POST', { sha256, signature: foreign })), { reason: 'Forbidden' });
    await assert.rejects(handler(ask('POST', { sha256 })), { reason: 'BadRequest' });
    const wrong = Buffer.from(bytes).fill(0, 50, 60);
    assert.match((await send(handler, wrong, { sha256, signature })).message, /came damaged/);
    assert.equal(restarts.length, 0);
    assert.equal(await board.current(), '1.0.0');
    assert.equal(await board.has('opt/bramble/incoming.tar.gz'), false);
  } finally {
    await board.remove();
  }
});

test('an agent of a checkout says that it is not updated like this', async () => {
  assert.equal(findInstallation('/home/ada/bramble/dist/agent.cjs'), undefined);
  const options = { installation: undefined, ca: () => cluster.ca, restart() {}, logger: silentLogger };
  await assert.rejects(createUpdateHandler(options)(ask('GET')), { reason: 'BadRequest' });
});

test('a version is confirmed when its node has been ready for a while, not at once, and not by a version that is not on trial', async () => {
  const clock = createVirtualClock();
  const confirmed: number[] = [];
  let ready = false;
  const make = (onTrial: boolean): TrialKeeper => {
    const installation: Pick<Installation, 'isOnTrial' | 'confirm'> = {
      isOnTrial: async () => onTrial,
      confirm: async () => void confirmed.push(clock.monotonicMs()),
    };
    return new TrialKeeper({ installation, isReady: async () => ready, clock, logger: silentLogger });
  };
  const keeper = make(true);
  await keeper.start();
  await clock.advance(60_000);
  ready = true;
  await clock.advance(10_000);
  ready = false;
  await clock.advance(10_000);
  assert.deepEqual(confirmed, [], 'ready for a moment only');
  ready = true;
  await clock.advance(20_000);
  assert.equal(confirmed.length, 1);
  await keeper.stop();
  const other = make(false);
  await other.start();
  assert.equal(clock.nextTimerMs(), undefined, 'no work where nothing is on trial');
});

test('what update.sh says is read, whatever else it will say one day', () => {
  assert.deepEqual(parseStatus('current=versions/1\nversion=1\n'), { current: 'versions/1', version: '1' });
  const failed = 'current=versions/1\nversion=1\noutcome=failed\nfrom=versions/1\nto=versions/2\nfailed=a=b\nnew=x\n';
  assert.deepEqual(parseStatus(failed), {
    ...{ current: 'versions/1', version: '1', outcome: 'failed' },
    ...{ from: 'versions/1', to: 'versions/2', failed: 'a=b' },
  });
});
