/** InterPodAffinity: near whom a pod goes, from whom it stays away, and who stays away from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interPodAffinityFilter } from '../../../master/scheduler/plugins/inter-pod-affinity.ts';
import { interPodAffinityScore } from '../../../master/scheduler/plugins/inter-pod-affinity-score.ts';
import type { PodAffinityTerm } from '../../../shared/api/affinity.ts';
import { type ClusterOptions, makeCache, type PodOptions, podInfo } from './cluster.ts';

type Term = Partial<PodAffinityTerm>;

const term = (app: string, options: Term = {}): PodAffinityTerm => ({
  topologyKey: 'zone',
  labelSelector: { matchLabels: { app } },
  ...options,
});

const near = (...terms: PodAffinityTerm[]): PodOptions => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});

const away = (...terms: PodAffinityTerm[]): PodOptions => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});

const labelled = (app: string, options: PodOptions = {}): PodOptions => ({ labels: { app }, ...options });

const NODES = [
  { name: 'a1', labels: { zone: 'a', host: 'a1' } },
  { name: 'a2', labels: { zone: 'a', host: 'a2' } },
  { name: 'b1', labels: { zone: 'b', host: 'b1' } },
  { name: 'x' },
];

const NAMESPACES = { default: {}, team: { tier: 'gold' }, other: {} };

function makeWorld(pods: ClusterOptions['pods'] = {}) {
  const cache = makeCache({ nodes: NODES, pods });
  for (const [name, labels] of Object.entries(NAMESPACES)) cache.setNamespace(name, labels);
  return cache;
}

interface Row {
  what: string;
  pod: PodOptions;
  pods?: ClusterOptions['pods'];
  feasible: string[];
}

const ALL = ['a1', 'a2', 'b1', 'x'];

const ROWS: Row[] = [
  { what: 'near a pod that is there', pod: near(term('db')), pods: { a1: [labelled('db')] }, feasible: ['a1', 'a2'] },
  {
    what: 'near is by the key',
    pod: near(term('db', { topologyKey: 'host' })),
    pods: { a1: [labelled('db')] },
    feasible: ['a1'],
  },
  { what: 'near nobody', pod: near(term('db')), feasible: [] },
  { what: 'the first of its kind', pod: labelled('web', near(term('web'))), feasible: ['a1', 'a2', 'b1'] },
  {
    what: 'the second of its kind',
    pod: labelled('web', near(term('web'))),
    pods: { b1: [labelled('web')] },
    feasible: ['b1'],
  },
  {
    what: 'near two, of which one matches only one of the demands',
    pod: near(term('db'), term('db', { topologyKey: 'host' })),
    pods: { a1: [labelled('db')], b1: [labelled('cache')] },
    feasible: ['a1'],
  },
  {
    what: 'one pod must match all demands',
    pod: near(term('db'), term('cache')),
    pods: { a1: [labelled('db'), labelled('cache')] },
    feasible: [],
  },
  { what: 'away from a pod', pod: away(term('db')), pods: { a1: [labelled('db')] }, feasible: ['b1', 'x'] },
  {
    what: 'away from its own kind',
    pod: labelled('web', away(term('web', { topologyKey: 'host' }))),
    pods: { a1: [labelled('web')] },
    feasible: ['a2', 'b1', 'x'],
  },
  { what: 'a pod stays away from it', pod: labelled('db'), pods: { a1: [away(term('db'))] }, feasible: ['b1', 'x'] },
  { what: 'a pod stays away from others', pod: labelled('web'), pods: { a1: [away(term('db'))] }, feasible: ALL },
  {
    what: 'another namespace is not meant',
    pod: away(term('db')),
    pods: { a1: [labelled('db', { namespace: 'team' })] },
    feasible: ALL,
  },
  {
    what: 'a namespace by name',
    pod: away(term('db', { namespaces: ['team'] })),
    pods: { a1: [labelled('db', { namespace: 'team' })] },
    feasible: ['b1', 'x'],
  },
  {
    what: 'namespaces by label',
    pod: away(term('db', { namespaceSelector: { matchLabels: { tier: 'gold' } } })),
    pods: { a1: [labelled('db', { namespace: 'team' })], b1: [labelled('db', { namespace: 'other' })] },
    feasible: ['b1', 'x'],
  },
  {
    what: 'all namespaces',
    pod: away(term('db', { namespaceSelector: {} })),
    pods: { a1: [labelled('db', { namespace: 'other' })] },
    feasible: ['b1', 'x'],
  },
  {
    what: 'no selector means nobody',
    pod: away({ topologyKey: 'zone' }),
    pods: { a1: [labelled('db')] },
    feasible: ALL,
  },
  {
    what: 'only its own revision',
    pod: { labels: { app: 'web', hash: '2' }, ...away(term('web', { matchLabelKeys: ['hash'] })) },
    pods: { a1: [{ labels: { app: 'web', hash: '1' } }], b1: [{ labels: { app: 'web', hash: '2' } }] },
    feasible: ['a1', 'a2', 'x'],
  },
  {
    what: 'every other tenant',
    pod: { labels: { app: 'web', tenant: 'me' }, ...away(term('web', { mismatchLabelKeys: ['tenant'] })) },
    pods: { a1: [{ labels: { app: 'web', tenant: 'you' } }], b1: [{ labels: { app: 'web', tenant: 'me' } }] },
    feasible: ['b1', 'x'],
  },
];

for (const { what, pod, pods, feasible } of ROWS) {
  test(`neighbours: ${what}`, () => {
    const cache = makeWorld(pods);
    const filter = interPodAffinityFilter.preFilter(podInfo(pod), cache.snapshot(0));
    const names = cache.nodes.filter((node) => filter?.check(node) === undefined).map(({ name }) => name);
    assert.deepEqual(names, feasible);
  });
}

test('neighbours: pods that mind nobody, among pods that mind nobody, cost nothing', () => {
  const snapshot = makeWorld({ a1: [labelled('db')] }).snapshot(0);
  assert.equal(interPodAffinityFilter.preFilter(podInfo(labelled('web')), snapshot), undefined);
  assert.equal(interPodAffinityScore.preScore(podInfo(labelled('web')), snapshot, snapshot.nodes), undefined);
});

test('neighbours: a label of a namespace that changes changes who is meant', () => {
  const cache = makeWorld({ b1: [labelled('db', { namespace: 'other' })] });
  const pod = podInfo(away(term('db', { namespaceSelector: { matchLabels: { tier: 'gold' } } })));
  const refused = (): string[] => {
    const filter = interPodAffinityFilter.preFilter(pod, cache.snapshot(0));
    return cache.nodes.filter((node) => filter?.check(node) !== undefined).map(({ name }) => name);
  };
  assert.deepEqual(refused(), []);
  cache.setNamespace('other', { tier: 'gold' });
  assert.deepEqual(refused(), ['b1']);
});

test('neighbours: wishes of both sides add up by weight', () => {
  const cache = makeWorld({
    a1: [labelled('db')],
    b1: [
      {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 50, podAffinityTerm: term('web') }],
          },
        },
      },
    ],
  });
  const wishes = {
    podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term('db') }] },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 50, podAffinityTerm: term('db', { topologyKey: 'host' }) },
      ],
    },
  };
  const snapshot = cache.snapshot(0);
  const scorer = interPodAffinityScore.preScore(
    podInfo(labelled('web', { affinity: wishes })),
    snapshot,
    snapshot.nodes,
  );
  assert.ok(scorer);
  const raw = Float64Array.from(snapshot.nodes, scorer);
  assert.deepEqual([...raw], [50, 100, 50, 0]);
  interPodAffinityScore.normalizeScore?.(raw);
  assert.deepEqual([...raw], [50, 100, 50, 0]);
});

test('neighbours: a pod that was forgotten is near nobody any more', () => {
  const cache = makeWorld();
  const db = podInfo(labelled('db', { name: 'db' }));
  const web = podInfo(near(term('db')));
  cache.snapshot(0).groups.counts(web.terms?.required.map(({ query }) => query) ?? []);
  cache.assume(db, 'a1', 0);
  const feasible = (): number => {
    const filter = interPodAffinityFilter.preFilter(web, cache.snapshot(0));
    return cache.nodes.filter((node) => filter?.check(node) === undefined).length;
  };
  assert.equal(feasible(), 2);
  cache.forget(db);
  assert.equal(feasible(), 0);
});
