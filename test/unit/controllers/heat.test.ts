/** Heat protection as tables: levels with hysteresis, who is moved and where to, who is given up, and the words for it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BoardHeat,
  CALM_MS,
  computeBoardHeat,
  type HeatLevel,
  MAX_MARGIN_CELSIUS,
  newBoardHeat,
  RELAPSE_MS,
  SECOND_CHANCE_MS,
} from '../../../master/controllers/heat/board-heat.ts';
import { HeatMetrics } from '../../../master/controllers/heat/heat-metrics.ts';
import type { BoardState, HeatState, WorkloadRest } from '../../../master/controllers/heat/heat-state.ts';
import { CONFIRM_MS, computeMovePlan } from '../../../master/controllers/heat/moves.ts';
import { computeHeatSettings, DEFAULT_HEAT_SETTINGS } from '../../../master/controllers/heat/settings.ts';
import { computeCondition, computeHeatTaints, levelFromNode } from '../../../master/controllers/heat/words.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { makeNode, makePod, type NodeOptions, type PodOptions } from '../scheduler/cluster.ts';

const LIMITS = { softCelsius: 72, hardCelsius: 78 };
const NOW_MS = 10_000_000;
const settings = DEFAULT_HEAT_SETTINGS;

describe('how hot a board counts', () => {
  const CASES: { from: HeatLevel; celsius: number | undefined; to: HeatLevel }[] = [
    { from: 'cool', celsius: 71.9, to: 'cool' },
    { from: 'cool', celsius: 72, to: 'warm' },
    { from: 'cool', celsius: 78, to: 'hot' },
    { from: 'warm', celsius: 67, to: 'warm' },
    { from: 'warm', celsius: 66.9, to: 'cool' },
    { from: 'warm', celsius: 78, to: 'hot' },
    { from: 'hot', celsius: 73, to: 'hot' },
    { from: 'hot', celsius: 72.9, to: 'warm' },
    { from: 'hot', celsius: 50, to: 'cool' },
    { from: 'hot', celsius: undefined, to: 'cool' },
  ];
  for (const { from, celsius, to } of CASES) {
    test(`${from}, then ${celsius} °C: ${to}`, () => {
      const heat = computeBoardHeat(
        newBoardHeat(from, 0, settings),
        { celsius, limits: LIMITS },
        { nowMs: NOW_MS, settings },
      );
      assert.equal(heat.level, to);
      assert.equal(heat.sinceMs, from === to ? 0 : NOW_MS);
    });
  }

  function follow(heat: BoardHeat, celsius: number, nowMs: number, idleShare?: number): BoardHeat {
    return computeBoardHeat(heat, { celsius, limits: LIMITS, idleShare }, { nowMs, settings });
  }

  test('each relapse widens the margin, up to a bound; a long calm makes it small again', () => {
    let heat = newBoardHeat('warm', 0, settings);
    const margins: number[] = [];
    for (let trip = 1; trip <= 6; trip += 1) {
      heat = follow(follow(heat, 20, trip * 1_000_000), 80, trip * 1_000_000 + RELAPSE_MS - 1);
      margins.push(heat.marginCelsius);
    }
    assert.deepEqual(
      margins.slice(0, 3).map((margin) => margin.toFixed(1)),
      ['8.0', '12.8', '20.5'],
    );
    assert.equal(margins.at(-1), MAX_MARGIN_CELSIUS);
    assert.equal(follow(heat, 50, NOW_MS).level, 'warm');
    heat = follow(heat, 40, NOW_MS);
    assert.equal(heat.level, 'cool');
    assert.equal(follow(heat, 40, NOW_MS + CALM_MS).marginCelsius, settings.hysteresisCelsius);
    assert.equal(follow(heat, 80, NOW_MS + RELAPSE_MS).marginCelsius, MAX_MARGIN_CELSIUS);
  });

  test('a wide margin does not keep back a board that would stay cool under full load, nor any for more than a day', () => {
    const kept: BoardHeat = { ...newBoardHeat('warm', 0, settings), marginCelsius: MAX_MARGIN_CELSIUS };
    assert.equal(follow(kept, 55, 1_000, 0.9).level, 'warm');
    assert.equal(follow(kept, 55, 1_000, 0.1).level, 'cool');
    assert.equal(follow(kept, 66, SECOND_CHANCE_MS - 1).level, 'warm');
    assert.equal(follow(kept, 66, SECOND_CHANCE_MS).level, 'cool');
    assert.equal(follow(kept, 70, SECOND_CHANCE_MS).level, 'warm');
  });
});

interface Board extends NodeOptions {
  celsius?: number;
  level?: HeatLevel;
  trend?: number;
  heat?: Partial<BoardHeat>;
  /** With what they use; `older` than the settling unless told. */
  holds?: (PodOptions & { uses?: number; kind?: string; annotations?: Record<string, string>; phase?: 'Failed' })[];
}

function podOf(options: NonNullable<Board['holds']>[number], nodeName: string): Pod {
  const { uses: _, kind = 'ReplicaSet', annotations, phase, ...rest } = options;
  const { metadata, spec, status, ...made } = makePod({ owner: `rs of ${rest.name}`, ...rest });
  const ownerReferences = metadata.ownerReferences?.map((owner) => ({ ...owner, kind })) ?? [];
  return {
    ...made,
    metadata: {
      ...metadata,
      ownerReferences: kind === '' ? [] : ownerReferences,
      ...(annotations ? { annotations } : {}),
    },
    spec: { ...spec, nodeName },
    status: { ...status, ...(phase ? { phase } : {}) },
  };
}

function boardOf({ celsius, level = 'cool', trend = 0, heat, holds = [], ...options }: Board): BoardState {
  const node = makeNode(options);
  const pods = holds.map((one) => podOf(one, node.metadata.name));
  return {
    ...{ node, celsius, pods, limits: LIMITS, cpuMillis: 4_000, trendCelsiusPerMinute: trend },
    heat: { ...newBoardHeat(level, NOW_MS - CONFIRM_MS, settings), ...heat },
    usage: new Map(pods.map(({ metadata }, index) => [metadata.uid, holds[index]?.uses ?? 1_000])),
  };
}

function stateOf(boards: Board[], more: Partial<HeatState> = {}): HeatState {
  return {
    ...{ nowMs: NOW_MS, wallMs: Date.parse('2026-06-01T00:00:00Z'), settings, boards: boards.map(boardOf) },
    ...{ resting: new Map(), refusedUntilMs: new Map(), lastMoveMs: undefined },
    boundOf: () => 1,
    reachesVolumes: () => true,
    ...more,
  };
}

const HOT: Board = { name: 'hot', celsius: 80, level: 'hot', holds: [{ name: 'a' }] };
const COLD: Board = { name: 'cold', celsius: 40 };
const REST: WorkloadRest = {
  ...{
    movedMs: NOW_MS - 60_000,
    untilMs: NOW_MS + 1,
    older: new Set<string>(),
    boundBefore: 1,
    cpuMillis: 0,
    isShed: false,
  },
};

function planned(boards: Board[], more?: Partial<HeatState>): string {
  const { move, stuck } = computeMovePlan(stateOf(boards, more));
  if (move === undefined) return stuck.length > 0 ? 'stuck' : 'wait';
  return `${move.type} ${move.candidate.pod.metadata.name}${move.target === undefined ? '' : ` to ${move.target}`}`;
}

const MOVES: { what: string; boards: Board[]; more?: Partial<HeatState>; expected: string }[] = [
  {
    what: 'to the board that stays coolest',
    boards: [HOT, { ...COLD, name: 'mild', celsius: 50 }, COLD],
    expected: 'move a to cold',
  },
  {
    what: 'the least important pod first',
    boards: [
      {
        ...HOT,
        holds: [
          { name: 'a', priority: 5 },
          { name: 'b', priority: -1 },
        ],
      },
      COLD,
    ],
    expected: 'move b to cold',
  },
  {
    what: 'of equals the one that heats most',
    boards: [{ ...HOT, holds: [{ name: 'a' }, { name: 'b', uses: 1_200 }] }, COLD],
    expected: 'move b to cold',
  },
  {
    what: 'even one that heats little: heat may come from outside',
    boards: [{ ...HOT, holds: [{ name: 'a', uses: 79 }] }, COLD],
    expected: 'move a to cold',
  },
  {
    what: 'not the pods of the cluster',
    boards: [{ ...HOT, holds: [{ name: 'a', priority: 2_000_000_000 }] }, COLD],
    expected: 'stuck',
  },
  { what: 'not a daemon', boards: [{ ...HOT, holds: [{ name: 'a', kind: 'DaemonSet' }] }, COLD], expected: 'stuck' },
  {
    what: 'not a pod that nobody makes anew',
    boards: [{ ...HOT, holds: [{ name: 'a', kind: '' }] }, COLD],
    expected: 'stuck',
  },
  {
    what: 'not a pod that asks to be left alone',
    boards: [{ ...HOT, holds: [{ name: 'a', annotations: { 'bramble.dev/heat-protection': 'ignore' } }] }, COLD],
    expected: 'stuck',
  },
  {
    what: 'not one that is leaving',
    boards: [{ ...HOT, holds: [{ name: 'a', leaving: true }] }, COLD],
    expected: 'stuck',
  },
  {
    what: 'not one that has ended',
    boards: [{ ...HOT, holds: [{ name: 'a', phase: 'Failed' }] }, COLD],
    expected: 'stuck',
  },
  {
    what: 'not before the reading is confirmed',
    boards: [{ ...HOT, heat: { sinceMs: NOW_MS - CONFIRM_MS + 1 } }, COLD],
    expected: 'wait',
  },
  {
    what: 'not while the board settles',
    boards: [{ ...HOT, heat: { movedMs: NOW_MS - settings.settleMs + 1 } }, COLD],
    expected: 'wait',
  },
  { what: 'not while the board cools by itself', boards: [{ ...HOT, trend: -0.6 }, COLD], expected: 'wait' },
  {
    what: 'not right after another move',
    boards: [HOT, COLD],
    more: { lastMoveMs: NOW_MS - settings.moveIntervalMs + 1 },
    expected: 'wait',
  },
  {
    what: 'not while a moved pod has no place',
    boards: [HOT, COLD],
    more: { resting: new Map([['x', REST]]), boundOf: () => 0 },
    expected: 'wait',
  },
  {
    what: 'not a replacement',
    boards: [HOT, COLD],
    more: { resting: new Map([['rs of a', REST]]) },
    expected: 'stuck',
  },
  {
    what: 'a sibling that was there before',
    boards: [HOT, COLD],
    more: { resting: new Map([['rs of a', { ...REST, older: new Set(['uid of a']) }]]) },
    expected: 'move a to cold',
  },
  {
    what: 'not what a budget has just refused',
    boards: [HOT, COLD],
    more: { refusedUntilMs: new Map([['uid of a', NOW_MS + 1]]) },
    expected: 'stuck',
  },
  { what: 'not to a board that would get warm', boards: [HOT, { ...COLD, celsius: 64 }], expected: 'stuck' },
  { what: 'not to a board that gets warmer', boards: [HOT, { ...COLD, trend: 1 }], expected: 'stuck' },
  { what: 'not to a board that is kept back', boards: [HOT, { ...COLD, level: 'warm' }], expected: 'stuck' },
  {
    what: 'not to a board without room',
    boards: [{ ...HOT, holds: [{ name: 'a', requests: { cpu: '5' } }] }, COLD],
    expected: 'stuck',
  },
  { what: 'not to a board without a place for one more', boards: [HOT, { ...COLD, pods: '0' }], expected: 'stuck' },
  { what: 'not to a cordoned board', boards: [HOT, { ...COLD, unschedulable: true }], expected: 'stuck' },
  {
    what: 'not to a board with a taint',
    boards: [HOT, { ...COLD, taints: [{ key: 'gpu', effect: 'NoSchedule' }] }],
    expected: 'stuck',
  },
  {
    what: 'not to a board that lacks its labels',
    boards: [{ ...HOT, holds: [{ name: 'a', nodeSelector: { disk: 'ssd' } }] }, COLD],
    expected: 'stuck',
  },
  {
    what: 'not where its host port is taken',
    boards: [
      { ...HOT, holds: [{ name: 'a', ports: [{ hostPort: 80 }] }] },
      { ...COLD, holds: [{ name: 'b', ports: [{ hostPort: 80 }] }] },
    ],
    expected: 'stuck',
  },
  { what: 'not away from its volume', boards: [HOT, COLD], more: { reachesVolumes: () => false }, expected: 'stuck' },
  {
    what: 'to a board without a sensor when there is no better one',
    boards: [HOT, { name: 'blind' }],
    expected: 'move a to blind',
  },
  {
    what: 'from the hottest board first',
    boards: [HOT, { ...HOT, name: 'hotter', celsius: 82, holds: [{ name: 'b' }] }, COLD],
    expected: 'move b to cold',
  },
  {
    what: 'hot everywhere: the less important is given up',
    boards: [
      { ...HOT, holds: [{ name: 'a', priority: 5 }, { name: 'b' }] },
      { ...COLD, level: 'warm' },
    ],
    expected: 'shed b',
  },
  {
    what: 'hot everywhere and all alike: nobody is given up',
    boards: [{ ...HOT, holds: [{ name: 'a' }, { name: 'b' }] }],
    expected: 'stuck',
  },
  {
    what: 'hot everywhere: those below the threshold are given up for nobody',
    boards: [{ ...HOT, holds: [{ name: 'a', priority: -1 }] }],
    expected: 'shed a',
  },
  {
    what: 'nobody is given up for the cluster',
    boards: [{ ...HOT, holds: [{ name: 'a' }, { name: 'b', priority: 2_000_001_000 }] }],
    expected: 'stuck',
  },
  {
    what: 'one that only fits the hot board is given up',
    boards: [
      {
        ...HOT,
        labels: { disk: 'ssd' },
        holds: [
          { name: 'a', nodeSelector: { disk: 'ssd' } },
          { name: 'b', priority: 1, nodeSelector: { disk: 'ssd' } },
        ],
      },
      COLD,
    ],
    expected: 'shed a',
  },
  { what: 'nothing while no board is hot', boards: [{ ...HOT, level: 'warm' }, COLD], expected: 'wait' },
];

describe('the next move', () => {
  for (const { what, boards, more, expected } of MOVES) {
    test(what, () => assert.equal(planned(boards, more), expected));
  }

  test('pods that came a moment ago count with the heat they will bring', () => {
    const fresh = { name: 'b', uses: 2_000 };
    const state = stateOf([HOT, { ...COLD, celsius: 55, holds: [fresh] }]);
    assert.equal(computeMovePlan(state).move?.target, 'cold');
    const wallMs = Date.parse('2026-01-01T00:00:00Z') + 1_000;
    assert.equal(computeMovePlan({ ...state, wallMs }).move, undefined);
  });
});

describe('the words', () => {
  test('a warm board has the taint beside those of others, and loses it when cool', () => {
    const mine = { key: 'gpu', effect: 'NoSchedule' as const };
    const node = makeNode({ taints: [mine] });
    const taints = computeHeatTaints(node, 'warm');
    assert.deepEqual(taints, [mine, { key: 'bramble.dev/overheating', effect: 'NoSchedule' }]);
    const tainted = makeNode({ taints: taints ?? [] });
    assert.equal(computeHeatTaints(tainted, 'hot'), undefined);
    assert.deepEqual(computeHeatTaints(tainted, 'cool'), [mine]);
    assert.equal(computeHeatTaints(node, 'cool'), undefined);
  });

  test('the condition says the level once, outlives the master, and says nothing of boards that were never warm', () => {
    const node = makeNode();
    const says = (level: HeatLevel, of = node) => computeCondition(of, { level, limits: LIMITS, nowMs: NOW_MS });
    assert.equal(says('cool'), undefined);
    const hot = says('hot');
    assert.deepEqual([hot?.status, hot?.reason], ['True', 'AboveHardLimit']);
    const told = { ...node, status: { ...node.status, conditions: hot === undefined ? [] : [hot] } };
    assert.equal(says('hot', told), undefined);
    assert.equal(levelFromNode(told), 'hot');
    assert.deepEqual([says('warm', told)?.status, says('cool', told)?.status], ['True', 'False']);
    assert.equal(says('warm', told)?.lastTransitionTime, hot?.lastTransitionTime);
    assert.equal(levelFromNode(node), 'cool');
  });

  test('settings: what is not said stays as it is', () => {
    assert.deepEqual(computeHeatSettings(), DEFAULT_HEAT_SETTINGS);
    const said = computeHeatSettings(
      { enabled: false, settleSeconds: 10, podRestSeconds: 20, moveIntervalSeconds: 0 },
      30,
    );
    const { enabled, settleMs, podRestMs, moveIntervalMs, fullLoadRiseCelsius } = said;
    assert.deepEqual(
      [enabled, settleMs, podRestMs, moveIntervalMs, fullLoadRiseCelsius],
      [false, 10_000, 20_000, 0, 30],
    );
  });
});

test('metrics: level and limits of each board as they are now, and what was done', () => {
  const metrics = new HeatMetrics(() => [{ name: 'pi-1', level: 'warm', limits: LIMITS }]);
  metrics.countMove('shed');
  metrics.countRefusal();
  const lines = metrics.render().split('\n');
  for (const line of [
    'bramble_heat_level{node="pi-1"} 1',
    'bramble_heat_soft_limit_celsius{node="pi-1"} 72',
    'bramble_heat_hard_limit_celsius{node="pi-1"} 78',
    'bramble_heat_pods_total{action="move"} 0',
    'bramble_heat_pods_total{action="shed"} 1',
    'bramble_heat_budget_refusals_total 1',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});
