/** What the node answers itself: logs, exec, attach, and refusals in the API's words. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { exitStatus, parseSize } from '../../../node-agent/kubelet/api/container-channels.ts';
import {
  CHANNEL,
  type ChannelFrame,
  type Channels,
  type Request,
  type Response,
} from '../../../shared/protocol/exchange.ts';
import type { FakeRuntimeOptions } from '../../support/fake-runtime.ts';
import { type AgentFixture, createAgentFixture } from './agent-fixture.ts';

let fixture: AgentFixture | undefined;

afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

async function open(options: Partial<FakeRuntimeOptions> = {}, spec: object = {}): Promise<AgentFixture> {
  const opened = await createAgentFixture(options);
  fixture = opened;
  await opened.createPod('web', { containers: [{ name: 'main', image: 'app:1' }], ...spec });
  await opened.until('it began', async () => (await opened.getPod('web')).status.phase !== 'Pending');
  return opened;
}

function get(path: string, query: Record<string, readonly string[]> = {}): Request {
  return { method: 'GET', path, query, headers: {}, signal: new AbortController().signal };
}

async function textOf(response: Response): Promise<string> {
  assert.equal(response.type, 'bytes');
  let text = '';
  if (response.type === 'bytes') for await (const chunk of response.chunks) text += Buffer.from(chunk).toString();
  return text;
}

const LOGS = '/containerLogs/default/web/main';

describe('logs', () => {
  const options = { planOf: () => ({ output: ['one', 'two', 'three'] }) };
  it('are the lines of the container', async () => {
    const { agent } = await open(options);
    assert.equal(await textOf(await agent.handler(get(LOGS))), 'one\ntwo\nthree\n');
  });
  it('are cut as asked', async () => {
    const { agent } = await open(options);
    const ask = (query: Record<string, readonly string[]>) => agent.handler(get(LOGS, query)).then(textOf);
    assert.equal(await ask({ tailLines: ['1'] }), 'three\n');
    assert.equal(await ask({ limitBytes: ['5'] }), 'one\nt');
    assert.match(await ask({ tailLines: ['1'], timestamps: ['true'] }), /^2026-01-01T\S+ three\n$/);
    assert.equal(await ask({ sinceTime: ['2030-01-01T00:00:00Z'] }), '');
  });
  it('of the run before', async () => {
    let run = 0;
    const planOf = () => ({ output: [`run ${run++}`], ...(run === 1 ? { runForMs: 500, exitCode: 1 } : {}) });
    const opened = await open({ planOf });
    const restarts = async () => (await opened.getPod('web')).status.containerStatuses?.[0]?.restartCount;
    await opened.until('it was restarted', async () => (await restarts()) === 1);
    assert.equal(await textOf(await opened.agent.handler(get(LOGS, { previous: ['true'] }))), 'run 0\n');
    assert.equal(await textOf(await opened.agent.handler(get(LOGS))), 'run 1\n');
  });
  const refusals: [string, Request, string, RegExp][] = [
    ['an unknown pod', get('/containerLogs/default/none/main'), 'NotFound', /pods "none" not found/],
    [
      'an unknown container',
      get('/containerLogs/default/web/none'),
      'BadRequest',
      /container none is not valid for pod web/,
    ],
    [
      'a run that never was',
      get(LOGS, { previous: ['true'] }),
      'BadRequest',
      /previous terminated container "main" in pod "web" not found/,
    ],
    ['a number that is none', get(LOGS, { tailLines: ['many'] }), 'BadRequest', /tailLines must be a number/],
    ['an unknown path', get('/secrets'), 'NotFound', /could not find/],
  ];
  for (const [what, request, reason, message] of refusals) {
    it(`refuses ${what}`, async () => {
      const { agent } = await open(options);
      await assert.rejects(agent.handler(request), { reason, message });
    });
  }
  it('says what a container waits for', async () => {
    const { agent, createPod, runtime, until, getPod } = await open({ pullMs: 1_000 });
    runtime.failPull('late:1', 'no');
    await createPod('late', { containers: [{ name: 'main', image: 'late:1' }] });
    const reason = async () => (await getPod('late')).status.containerStatuses?.[0]?.state.waiting?.reason;
    await until('it waits', async () => (await reason()) === 'ImagePullBackOff');
    const message = /container "main" in pod "late" is waiting to start: trying and failing to pull image/;
    await assert.rejects(agent.handler(get('/containerLogs/default/late/main')), { reason: 'BadRequest', message });
  });
});

/** The door's side of a two-way stream: what the peer sends, and what it got. */
function peer(frames: readonly ChannelFrame[]) {
  const got: Record<number, string> = {};
  let isClosed = false;
  const channels: Channels = {
    incoming: (async function* () {
      yield* frames;
    })(),
    async send(frame) {
      if ('bytes' in frame) got[frame.channel] = (got[frame.channel] ?? '') + Buffer.from(frame.bytes).toString();
    },
    close() {
      isClosed = true;
    },
  };
  return { channels, got, isClosed: () => isClosed };
}

describe('exec', () => {
  const EXEC = '/exec/default/web/main';
  it('carries output and exit code', async () => {
    const seen: (readonly string[])[] = [];
    const { agent } = await open({
      execOf: (_config, command) => {
        seen.push(command);
        return { output: 'hello', exitCode: 7 };
      },
    });
    const response = await agent.handler(get(EXEC, { command: ['sh', '-c', 'x'], stdout: ['true'] }));
    assert.equal(response.type, 'channels');
    const { channels, got, isClosed } = peer([]);
    if (response.type === 'channels') await response.serve(channels);
    assert.deepEqual(seen, [['sh', '-c', 'x']]);
    assert.equal(got[CHANNEL.stdout], 'hello');
    assert.deepEqual(JSON.parse(got[CHANNEL.error] ?? ''), exitStatus(7));
    assert.equal(isClosed(), true);
  });
  it('needs a command and a running container', async () => {
    const { agent, runtime } = await open(
      { planOf: () => ({ runForMs: 1_000, exitCode: 0 }) },
      { restartPolicy: 'Never' },
    );
    await assert.rejects(agent.handler(get(EXEC)), { reason: 'BadRequest', message: /at least one command/ });
    const [container] = (await runtime.list()).containers;
    runtime.crash(container?.id ?? '', 0);
    await assert.rejects(agent.handler(get(EXEC, { command: ['x'] })), {
      reason: 'BadRequest',
      message: /is not running/,
    });
  });
  it('ends with the status that kubectl understands', () => {
    assert.equal(exitStatus(0).status, 'Success');
    const { reason, details } = exitStatus(3);
    assert.deepEqual([reason, details?.causes], ['NonZeroExitCode', [{ reason: 'ExitCode', message: '3' }]]);
  });
  it('takes sizes that are sizes', () => {
    const parse = (text: string) => parseSize(Buffer.from(text));
    assert.deepEqual(parse('{"Width":120,"Height":40}'), { columns: 120, rows: 40 });
    for (const text of ['{"Width":-1,"Height":40}', '{}', 'x', 'null']) assert.equal(parse(text), undefined);
  });
  it('is unavailable while the engine is', async () => {
    const { agent, runtime } = await open();
    runtime.setAvailable(false);
    await assert.rejects(agent.handler(get(EXEC, { command: ['x'] })), { reason: 'ServiceUnavailable' });
    runtime.setAvailable(true);
  });
});
