/** A board that is switched off, in virtual time: its pods end in their order and in time, and nobody comes in any more. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { isBoardStopping } from '../../../node-agent/kubelet/shutdown/board-state.ts';
import {
  computeShutdownPhases,
  graceSecondsOf,
  type ShutdownSettings,
} from '../../../node-agent/kubelet/shutdown/shutdown-phases.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { FakeRuntimeOptions } from '../../support/fake-runtime.ts';
import { makePod } from '../scheduler/cluster.ts';
import { type AgentFixture, createAgentFixture, NODE } from './agent-fixture.ts';

const CONTAINER = { name: 'main', image: 'app:1' };
const OWNER = {
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }],
};
const CRITICAL = { priorityClassName: 'system-cluster-critical' };

let fixture: AgentFixture | undefined;

async function open(options: Partial<FakeRuntimeOptions>, shutdown?: ShutdownSettings): Promise<AgentFixture> {
  fixture = await createAgentFixture(options, shutdown ? { shutdown } : {});
  return fixture;
}

afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

async function run(opened: AgentFixture, name: string, { spec = {}, metadata = OWNER as object } = {}): Promise<void> {
  await opened.createPod(name, { containers: [CONTAINER], ...spec }, metadata);
  await opened.until(`${name} runs`, async () => (await opened.getPod(name)).status.phase === 'Running');
}

async function statusOf({ getPod }: AgentFixture, name: string): Promise<string> {
  const { phase, reason = '' } = (await getPod(name)).status;
  return `${phase} ${reason}`.trim();
}

const isOver = (opened: AgentFixture, name: string) => async (): Promise<boolean> =>
  (await statusOf(opened, name)).startsWith('Failed');

/** Ends the pods of the board; true as soon as that is over. */
function shutDown({ agent }: AgentFixture): { isOver: boolean } {
  const state = { isOver: false };
  void agent.shutDown().then(() => {
    state.isOver = true;
  });
  return state;
}

describe('a board that is switched off', () => {
  it('says so, ends ordinary pods and then critical ones, and lets pods without a controller be', async () => {
    const opened = await open({ planOf: () => ({ ignoresStop: true }) });
    await run(opened, 'web', { spec: { terminationGracePeriodSeconds: 3 } });
    await run(opened, 'dns', { spec: { ...CRITICAL, terminationGracePeriodSeconds: 3 } });
    await run(opened, 'alone', { metadata: {} });
    const shutdown = shutDown(opened);
    await opened.until('web has ended', isOver(opened, 'web'));
    assert.deepEqual(
      [await statusOf(opened, 'web'), await statusOf(opened, 'dns'), shutdown.isOver],
      ['Failed Terminated', 'Running', false],
    );
    const node = await opened.client.get(NodeKind, { name: NODE });
    const ready = node.status.conditions?.find(({ type }) => type === 'Ready');
    assert.deepEqual([ready?.status, ready?.message], ['False', 'node is shutting down']);
    await opened.until('it is over', async () => shutdown.isOver);
    assert.equal(await statusOf(opened, 'dns'), 'Failed Terminated');
    assert.equal(await statusOf(opened, 'alone'), 'Running');
    const target = (await opened.getPod('web')).status.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.deepEqual([target?.status, target?.reason], ['True', 'TerminationByKubelet']);
  });

  it('turns away what comes meanwhile', async () => {
    const opened = await open({ planOf: () => ({ ignoresStop: true }) });
    await run(opened, 'web');
    const shutdown = shutDown(opened);
    await opened.clock.advance(3_000);
    await opened.createPod('late', { containers: [CONTAINER] }, OWNER);
    await opened.until('late is turned away', isOver(opened, 'late'));
    assert.equal(await statusOf(opened, 'late'), 'Failed NodeShutdown');
    await opened.until('it is over', async () => shutdown.isOver);
  });

  it('takes no longer than it may: a pod that does not end is killed', async () => {
    const opened = await open(
      { planOf: () => ({ ignoresStop: true }) },
      { gracePeriodSeconds: 12, criticalPodsSeconds: 4 },
    );
    await run(opened, 'web', { spec: { terminationGracePeriodSeconds: 300 } });
    await run(opened, 'dns', { spec: { ...CRITICAL, terminationGracePeriodSeconds: 300 } });
    const startMs = opened.clock.monotonicMs();
    const shutdown = shutDown(opened);
    await opened.until('it is over', async () => shutdown.isOver);
    assert.ok(opened.clock.monotonicMs() - startMs <= 17_000);
    assert.deepEqual(
      [await statusOf(opened, 'web'), await statusOf(opened, 'dns')],
      ['Failed Terminated', 'Failed Terminated'],
    );
  });

  it('does not wait for a master that is away', async () => {
    const opened = await open({});
    await run(opened, 'web');
    opened.setLink(false);
    const startMs = opened.clock.monotonicMs();
    const shutdown = shutDown(opened);
    await opened.until('it is over', async () => shutdown.isOver);
    assert.ok(opened.clock.monotonicMs() - startMs <= 6_000);
    assert.deepEqual(opened.runtime.running(), []);
    // What the master has not heard of did not happen: the board is back, and so is its pod.
    await opened.rebootBoard();
    await opened.until('web runs again', async () => opened.runtime.running().length > 0);
    opened.setLink(true);
    await opened.clock.advance(5_000);
    assert.equal(await statusOf(opened, 'web'), 'Running');
  });

  it('does nothing when no time is given', async () => {
    const opened = await open({}, { gracePeriodSeconds: 0, criticalPodsSeconds: 0 });
    await run(opened, 'web');
    await opened.agent.shutDown();
    await opened.clock.advance(5_000);
    assert.equal(await statusOf(opened, 'web'), 'Running');
  });
});

describe('phases', () => {
  const owned = (name: string, options: object = {}): Pod => makePod({ name, owner: 'rs', ...options });

  it('divide the time; a phase without pods takes none', () => {
    const pods = [
      owned('a'),
      owned('b', { priority: 2_000_000_000 }),
      makePod({ name: 'alone' }),
      owned('c', { leaving: true }),
    ];
    const phases = computeShutdownPhases(pods, { gracePeriodSeconds: 30, criticalPodsSeconds: 10 });
    assert.deepEqual(
      phases.map((phase) => [phase.name, phase.seconds, phase.pods.map(({ metadata }) => metadata.name)]),
      [
        ['ordinary', 20, ['a']],
        ['critical', 10, ['b']],
      ],
    );
    assert.deepEqual(computeShutdownPhases([makePod()], { gracePeriodSeconds: 30, criticalPodsSeconds: 10 }), []);
  });

  it('give a pod what it asks for, and no more than there is', () => {
    const phase = { name: 'ordinary', pods: [], seconds: 20 } as const;
    const given = [5, 300].map((terminationGracePeriodSeconds) =>
      graceSecondsOf(owned('a', { terminationGracePeriodSeconds }), phase),
    );
    assert.deepEqual(given, [5, 20]);
  });
});

for (const [stdout, expected] of [
  ['stopping\n', true],
  ['running\n', false],
  ['degraded\n', false],
  ['', false],
] as const) {
  it(`systemd's word '${stdout.trim()}': the board is ${expected ? '' : 'not '}being switched off`, async () => {
    const code = stdout === 'running\n' ? 0 : 1;
    assert.equal(await isBoardStopping({ run: async () => ({ code, stdout, stderr: '' }) }), expected);
  });
}
