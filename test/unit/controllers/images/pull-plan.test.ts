/** Who fetches, who copies from whom and who waits: tables, and a whole fleet that must come to its end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  computePullPlans,
  MAX_COPIES_A_PEER,
  type PullChoice,
  type PullHolder,
  type PullWant,
  STALLED_MS,
} from '../../../../master/controllers/images/pull-plan.ts';
import type { ImagePullStatus } from '../../../../shared/api/image-pull.ts';

const ARM = 'linux/arm64';

interface WantOptions {
  status?: ImagePullStatus;
  platform?: string;
  purpose?: 'Pod' | 'Prepull';
  isReachable?: boolean;
  handsOut?: boolean;
  heardAtMs?: number;
  created?: number;
}

function want(nodeName: string, options: WantOptions = {}): PullWant {
  const {
    status = {},
    platform = ARM,
    purpose = 'Pod',
    isReachable = true,
    handsOut = true,
    heardAtMs = 0,
    created = 0,
  } = options;
  const creationTimestamp = `2026-01-01T00:00:0${created}Z`;
  return {
    pull: {
      apiVersion: 'bramble.dev/v1',
      kind: 'ImagePull',
      metadata: { name: nodeName, uid: nodeName, resourceVersion: '1', creationTimestamp },
      spec: { nodeName, image: 'app', purpose },
      status,
    },
    platform,
    isReachable,
    endpoint: handsOut ? { address: nodeName, port: 1 } : undefined,
    heardAtMs,
  };
}

const holder = (nodeName: string, platform = ARM): PullHolder => ({ nodeName, platform, address: nodeName, port: 1 });

function plans(wants: PullWant[], holders: PullHolder[] = [], nowMs = 0): Record<string, string> {
  const choices = computePullPlans({ wants, holders, nowMs });
  return Object.fromEntries([...choices].map(([name, choice]) => [name, render(choice)]));
}

function render({ source, peers = [], waitsFor }: PullChoice): string {
  if (source === 'Peers') return `from ${peers.map(({ nodeName }) => nodeName).join(',')}`;
  return source === 'Wait' ? `waits for ${waitsFor}` : 'fetches';
}

const planned = (plan: PullChoice, attempt = 0): ImagePullStatus => ({ attempt, plannedAttempt: attempt, plan });
const FETCHING = planned({ source: 'Registry' });

describe('plans of pulls', () => {
  it('let one node fetch and the others wait', () => {
    assert.deepEqual(plans([want('b', { created: 2 }), want('a', { created: 1 }), want('c', { created: 3 })]), {
      a: 'fetches',
      b: 'waits for a',
      c: 'waits for a',
    });
  });

  it('let one node of each platform fetch', () => {
    assert.deepEqual(plans([want('a'), want('b'), want('x', { platform: 'linux/amd64' })]), {
      a: 'fetches',
      b: 'waits for a',
      x: 'fetches',
    });
  });

  it('stand while nobody asks anew', () => {
    assert.deepEqual(plans([want('a', { status: FETCHING }), want('b')]), { b: 'waits for a' });
    const asksAgain = { ...FETCHING, attempt: 1 };
    assert.deepEqual(plans([want('a', { status: asksAgain })]), { a: 'fetches' });
  });

  it('copy from who has it, a few from each', () => {
    const wants = ['a', 'b', 'c', 'd', 'e'].map((name) => want(name));
    const choices = Object.values(plans(wants, [holder('h1'), holder('h2')]));
    for (const name of ['h1', 'h2']) {
      assert.equal(choices.filter((choice) => choice.startsWith(`from ${name}`)).length, MAX_COPIES_A_PEER);
    }
    assert.equal(choices.filter((choice) => choice.startsWith('waits for h')).length, 1);
  });

  it('copy only within a platform', () => {
    assert.deepEqual(plans([want('a', { platform: 'linux/amd64' })], [holder('h')]), { a: 'fetches' });
  });

  it('pass over peers that failed, and oneself', () => {
    const wants = [want('a', { status: { attempt: 1, failedPeers: ['h1'] } })];
    assert.deepEqual(plans(wants, [holder('h1'), holder('h2'), holder('a')]), { a: 'from h2' });
    assert.deepEqual(plans(wants, [holder('h1')]), { a: 'fetches' });
  });

  it('do not wait for a node that would not hand it on, that is gone or that does not get on', () => {
    assert.deepEqual(plans([want('a', { status: FETCHING, handsOut: false }), want('b')]), { b: 'fetches' });
    assert.deepEqual(plans([want('a', { status: FETCHING, isReachable: false }), want('b')]), { b: 'fetches' });
    assert.deepEqual(plans([want('a', { status: FETCHING }), want('b')], [], STALLED_MS), { b: 'fetches' });
  });

  it('prefer as fetcher who hands it on, and pods before what is fetched ahead', () => {
    assert.deepEqual(plans([want('a', { handsOut: false }), want('b')]), { a: 'waits for b', b: 'fetches' });
    assert.deepEqual(plans([want('a', { purpose: 'Prepull' }), want('b')]), { a: 'waits for b', b: 'fetches' });
  });

  it('say nothing to nodes that cannot hear it', () => {
    assert.deepEqual(plans([want('a', { isReachable: false })], [holder('h')]), {});
  });
});

/** Rounds of planning and of nodes that do as they are told, or fail, until all have the image. */
function runFleet(names: string[], fails: (round: number, name: string) => boolean) {
  const wants = new Map(names.map((name) => [name, want(name)]));
  const has = new Set<string>();
  let fetches = 0;
  let round = 0;
  for (; wants.size > 0 && round < 1_000; round += 1) {
    for (const [name, choice] of computePullPlans({
      wants: [...wants.values()],
      holders: [...has].map((item) => holder(item)),
      nowMs: 0,
    })) {
      const before = wants.get(name)?.pull.status ?? {};
      wants.set(name, want(name, { status: { ...before, plannedAttempt: before.attempt ?? 0, plan: choice } }));
    }
    const busy = [...wants.values()].filter(({ pull }) => pull.status.plan?.source !== 'Wait');
    const load = Map.groupBy(busy, ({ pull }) => pull.status.plan?.peers?.[0]?.nodeName ?? 'registry');
    for (const [peer, copies] of load)
      assert.ok(copies.length <= (peer === 'registry' ? 1 : MAX_COPIES_A_PEER), `${peer}: ${copies.length}`);
    for (const { pull } of busy) {
      const { nodeName } = pull.spec;
      const { plan, attempt = 0, failedPeers = [] } = pull.status;
      if (plan?.source === 'Registry') fetches += 1;
      if (fails(round, nodeName)) {
        const gone = plan?.peers?.map((peer) => peer.nodeName) ?? [];
        wants.set(
          nodeName,
          want(nodeName, {
            status: { attempt: attempt + 1, plannedAttempt: attempt, failedPeers: [...failedPeers, ...gone] },
          }),
        );
      } else {
        wants.delete(nodeName);
        has.add(nodeName);
      }
    }
  }
  return { fetches, round };
}

describe('a fleet', () => {
  it('of a hundred nodes fetches once and needs few rounds', () => {
    const names = Array.from({ length: 100 }, (_, index) => `pi-${index}`);
    const { fetches, round } = runFleet(names, () => false);
    assert.equal(fetches, 1);
    assert.ok(round <= 8, `${round} rounds`);
  });

  it('always comes to its end, however often a pull fails', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.infiniteStream(fc.integer({ min: 0, max: 3 })), (size, dice) => {
        const names = Array.from({ length: size }, (_, index) => `pi-${index}`);
        const { round } = runFleet(names, () => dice.next().value === 0);
        assert.ok(round < 1_000, 'it never ends');
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});
