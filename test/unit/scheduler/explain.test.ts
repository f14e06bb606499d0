/** Why a pod is where it is: what is remembered, what an answer holds, and how it reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderPlacement as renderText } from '../../../cli/commands/explain-placement.ts';
import { computeDecision, type Decision } from '../../../master/scheduler/decision.ts';
import { DecisionLog, MAX_LOGGED_CELLS, MAX_LOGGED_DECISIONS } from '../../../master/scheduler/explain/decision-log.ts';
import { renderPlacement } from '../../../master/scheduler/explain/render-placement.ts';
import type { Placement } from '../../../shared/api/placement.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { type ClusterOptions, makeSnapshot, type PodOptions, podInfo } from './cluster.ts';

function decide(pod: PodOptions, cluster: ClusterOptions): Decision {
  return computeDecision({ pod: podInfo(pod), snapshot: makeSnapshot(cluster), random: seededRandom(1) });
}

const NODES = [{ name: 'cool' }, { name: 'warm' }, { name: 'full', cpu: '1' }];
const SENSORS = { cool: { temperatureCelsius: 45 }, warm: { temperatureCelsius: 70 } };
const CREATED = '2026-01-01T00:00:00Z';

function placement(decision: Decision, known: Partial<Placement> = {}): Placement {
  return {
    apiVersion: 'bramble.dev/v1',
    kind: 'Placement',
    metadata: { name: 'web', namespace: 'default', creationTimestamp: CREATED },
    outcome: 'Placed',
    source: 'Recorded',
    ...renderPlacement(decision, 3),
    ...known,
  };
}

test('an answer names the best first, then those that refused', () => {
  const decision = decide({ requests: { cpu: '2' } }, { nodes: NODES, sensors: SENSORS });
  const { nodes, message, nodesLeftOut } = renderPlacement(decision, 3);
  assert.deepEqual(
    nodes.map(({ name, feasible }) => `${name} ${feasible}`),
    ['cool true', 'warm true', 'full false'],
  );
  assert.equal(message, 'cool was the best of 2 of 3 nodes');
  assert.equal(nodesLeftOut, 0);
  assert.deepEqual(nodes[2]?.reasons, ['Insufficient cpu']);
  const [cool] = nodes;
  assert.equal(
    cool?.total,
    cool?.scores?.reduce((sum, { score, weight }) => sum + score * weight, 0),
  );
});

test('it reads as a table, with a sentence before it', () => {
  const decision = decide({ requests: { cpu: '2' } }, { nodes: NODES, sensors: SENSORS });
  const text = renderText(placement(decision, { nodeName: 'cool' }), Date.parse(CREATED) + 90_000);
  assert.equal(
    text,
    [
      'Pod default/web is on cool.',
      'Decided 90s ago: cool was the best of 2 of 3 nodes.',
      '',
      'NODE   TOTAL   NodeTemperature ×2   NodeRealLoad ×2   NodeResourcesFit ×1   NodeResourcesBalancedAllocation ×1',
      'cool   435     88                   55                74                    75',
      'warm   309     25                   55                74                    75',
      '',
      'REFUSED   BY                 BECAUSE',
      'full      NodeResourcesFit   Insufficient cpu',
      '',
    ].join('\n'),
  );
});

test('why nowhere', () => {
  const decision = decide({ requests: { cpu: '9' } }, { nodes: NODES });
  const text = renderText(placement(decision, { outcome: 'Unschedulable', nominatedNodeName: 'warm' }), 0);
  const [first, second, third] = text.split('\n');
  assert.deepEqual(
    [first, second, third],
    [
      'Pod default/web fits nowhere.',
      'Room is being made for it on warm.',
      'Decided 0s ago: 0/3 nodes are available: 3 Insufficient cpu.',
    ],
  );
});

test('a pod that is not being placed', () => {
  const message = 'the pod waits until its scheduling gates are lifted: example.com/wait';
  const unknown: Placement = {
    ...placement(decide({}, { nodes: NODES })),
    ...{ outcome: 'NotConsidered', message, nodes: [], nodesLeftOut: 0 },
  };
  assert.equal(renderText(unknown, 0), `Pod default/web is not being placed.\n${message[0]}${message.slice(1)}.\n`);
});

test('the log forgets the oldest when it is full, and other pods of the same name', () => {
  const decision = decide({}, { nodes: [{ name: 'a' }] });
  const log = new DecisionLog();
  for (let index = 0; index <= MAX_LOGGED_DECISIONS; index += 1) {
    log.add(`p${index}`, { uid: 'u', decision, decidedMs: 0 });
  }
  assert.equal(log.get('p0', 'u'), undefined);
  assert.notEqual(log.get('p1', 'u'), undefined);
  assert.equal(log.get('p1', 'other'), undefined);
});

test('the log is bounded by what it holds too', () => {
  const refusals = Array.from({ length: MAX_LOGGED_CELLS / 8 }, () => ({
    node: 'n',
    plugin: 'NodeName' as const,
    reasons: [],
  }));
  const decision: Decision = { type: 'unschedulable', nodeCount: 1, refusals };
  const log = new DecisionLog();
  for (const key of ['a', 'b', 'c']) log.add(key, { uid: 'u', decision, decidedMs: 0 });
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => log.get(key, 'u') !== undefined),
    [false, true, true],
  );
});
