/** Policies of a namespace as a client meets them: LimitRanges, PriorityClasses, ResourceQuotas, and what a refusal says. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { type ApiFixture, CONFIG_MAPS, configMap, PODS, pod, startApi } from './api-fixture.ts';

const QUOTAS = '/api/v1/namespaces/default/resourcequotas';
const RANGES = '/api/v1/namespaces/default/limitranges';
const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const SERVICES = '/api/v1/namespaces/default/services';
const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';

let api: ApiFixture;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.stop());

function asking(name: string, resources: JsonObject, changes: JsonObject = {}): JsonObject {
  return pod(name, { containers: [{ name: 'main', image: 'busybox', resources }], ...changes });
}

async function quota(hard: Record<string, string>, changes: JsonObject = {}): Promise<void> {
  const { code } = await api.post(QUOTAS, { metadata: { name: 'q' }, spec: { hard, ...changes } });
  assert.equal(code, 201);
}

async function limits(...items: JsonObject[]): Promise<void> {
  assert.equal((await api.post(RANGES, { metadata: { name: 'bounds' }, spec: { limits: items } })).code, 201);
}

async function refusal(path: string, body: unknown): Promise<string> {
  const answer = await api.post(path, body);
  assert.equal(answer.code, 403, JSON.stringify(answer.body));
  return answer.body.message;
}

test('a container without amounts gets those of the LimitRange, and a word about it', async () => {
  await limits({ type: 'Container', default: { cpu: '500m', memory: '64Mi' }, defaultRequest: { cpu: '100m' } });
  const { body } = await api.post(PODS, pod('plain'));
  assert.deepEqual(body.spec.containers[0].resources, {
    limits: { cpu: '500m', memory: '64Mi' },
    requests: { cpu: '100m', memory: '64Mi' },
  });
  assert.equal(
    body.metadata.annotations['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, memory request for container main; cpu, memory limit for container main',
  );
  const own = await api.post(PODS, asking('own', { limits: { cpu: '200m' } }));
  assert.deepEqual(own.body.spec.containers[0].resources.requests, { cpu: '200m', memory: '64Mi' });
});

const BOUNDS: readonly [what: string, item: JsonObject, resources: JsonObject, why: string][] = [
  [
    'too little',
    { type: 'Container', min: { cpu: '100m' } },
    { requests: { cpu: '50m' }, limits: { cpu: '1' } },
    'minimum cpu usage per Container is 100m, but request is 50m',
  ],
  [
    'too much',
    { type: 'Container', max: { memory: '64Mi' } },
    { limits: { memory: '128Mi' } },
    '[maximum memory usage per Container is 64Mi, but limit is 128Mi]',
  ],
  [
    'a pod as a whole',
    { type: 'Pod', max: { cpu: '1' } },
    { limits: { cpu: '2' } },
    'maximum cpu usage per Pod is 1, but limit is 2',
  ],
  [
    'a limit far above the request',
    { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
    { requests: { cpu: '100m' }, limits: { cpu: '300m' } },
    'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
  ],
];

for (const [what, item, resources, why] of BOUNDS) {
  test(`bounds of a LimitRange: ${what}`, async () => {
    await limits(item);
    const message = await refusal(PODS, asking('p', resources));
    assert.equal(message, `pods "p" is forbidden: ${why.replace(/^\[(.*)\]$/, '$1')}`);
  });
}

test('claims have bounds, too', async () => {
  await limits({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } });
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } };
  const message = await refusal(CLAIMS, { metadata: { name: 'big' }, spec });
  assert.match(message, /maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi/);
});

test('priorities come from classes, the default one included', async () => {
  await api.post(CLASSES, { metadata: { name: 'high' }, value: 1000 });
  await api.post(CLASSES, { metadata: { name: 'calm' }, value: 5, globalDefault: true, preemptionPolicy: 'Never' });
  const high = await api.post(PODS, pod('high', { priorityClassName: 'high' }));
  assert.deepEqual([high.body.spec.priority, high.body.spec.preemptionPolicy], [1000, 'PreemptLowerPriority']);
  const standard = (await api.post(PODS, pod('standard'))).body.spec;
  assert.deepEqual([standard.priorityClassName, standard.priority, standard.preemptionPolicy], ['calm', 5, 'Never']);
  const system = await api.post(PODS, pod('system', { priorityClassName: 'system-node-critical' }));
  assert.equal(system.body.spec.priority, 2_000_001_000);
  const unknown = await refusal(PODS, pod('unknown', { priorityClassName: 'nope' }));
  assert.equal(unknown, 'pods "unknown" is forbidden: no PriorityClass with name nope was found');
  assert.match(await refusal(PODS, pod('number', { priority: 7 })), /the integer value of priority \(7\) must not be/);
});

test('there is one default class, and the names of the system are its own', async () => {
  await api.post(CLASSES, { metadata: { name: 'one' }, value: 1, globalDefault: true });
  const second = await refusal(CLASSES, { metadata: { name: 'two' }, value: 2, globalDefault: true });
  assert.match(second, /PriorityClass one is already marked as default. Only one default can exist/);
  const system = await api.post(CLASSES, { metadata: { name: 'system-mine' }, value: 1 });
  assert.equal(system.code, 422);
  const { body } = await api.get(CLASSES);
  const names = body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  assert.deepEqual(names, ['one', 'system-cluster-critical', 'system-node-critical']);
});

test('a quota refuses what is too much and says how much there is', async () => {
  await quota({ pods: '2', 'requests.memory': '100Mi' });
  const small = { requests: { memory: '50Mi' } };
  assert.equal((await api.post(PODS, asking('a', small))).code, 201);
  assert.equal(
    await refusal(PODS, asking('b', { requests: { memory: '60Mi' } })),
    'pods "b" is forbidden: exceeded quota: q, requested: requests.memory=60Mi, used: requests.memory=50Mi, limited: requests.memory=100Mi',
  );
  assert.equal(
    await refusal(PODS, pod('silent')),
    'pods "silent" is forbidden: failed quota: q: must specify requests.memory for: main',
  );
  assert.equal((await api.post(PODS, asking('b', small))).code, 201);
  assert.match(
    await refusal(PODS, asking('c', { requests: { memory: '0' } })),
    /requested: pods=1, used: pods=2, limited: pods=2/,
  );
});

test('fifty pods at once get what there is and not one more; what goes is free at once', async () => {
  await quota({ pods: '10' });
  const create = (prefix: string) =>
    Promise.all(Array.from({ length: 50 }, (_, index) => api.post(PODS, pod(`${prefix}-${index}`))));
  const first = await create('a');
  assert.equal(first.filter(({ code }) => code === 201).length, 10);
  assert.equal(first.filter(({ code }) => code === 403).length, 40);
  const stored = first.filter(({ code }) => code === 201).map(({ body }) => body.metadata.name);
  for (const name of stored.slice(0, 4)) await api.delete(`${PODS}/${name}`);
  assert.equal((await create('b')).filter(({ code }) => code === 201).length, 4);
});

test('what fails, and what is only tried, takes nothing', async () => {
  await quota({ pods: '1', 'count/configmaps': '1' });
  assert.equal((await api.post(PODS, pod('bad', { containers: [] }))).code, 422);
  assert.equal((await api.post(`${PODS}?dryRun=All`, pod('try'))).code, 201);
  assert.equal((await api.post(CONFIG_MAPS, configMap('one'))).code, 201);
  const again = await Promise.all([1, 2, 3].map(() => api.post(PODS, pod('same'))));
  assert.deepEqual(again.map(({ code }) => code).sort(), [201, 403, 403]);
  assert.match(await refusal(CONFIG_MAPS, configMap('two')), /exceeded quota: q, requested: count\/configmaps=1/);
});

test('growth is asked about: services that get node ports, claims that get larger', async () => {
  await quota({ 'services.nodeports': '1', 'requests.storage': '1Gi' });
  const spec = {
    ports: [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ],
  };
  const created = await api.post(SERVICES, { metadata: { name: 's' }, spec });
  assert.equal(created.code, 201);
  const changed = await api.patch(`${SERVICES}/s`, 'merge', { spec: { type: 'NodePort' } });
  assert.equal(changed.code, 403);
  assert.match(
    changed.body.message,
    /requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1/,
  );
  assert.equal((await api.patch(`${SERVICES}/s`, 'merge', { metadata: { labels: { a: 'b' } } })).code, 200);
});

test('scopes choose the pods that count', async () => {
  await quota({ pods: '0' }, { scopes: ['BestEffort'] });
  assert.match(await refusal(PODS, pod('effort')), /exceeded quota/);
  assert.equal((await api.post(PODS, asking('burst', { requests: { cpu: '10m' } }))).code, 201);
  const selector = { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['vip'] }] };
  await api.post(CLASSES, { metadata: { name: 'vip' }, value: 10 });
  await api.post(QUOTAS, { metadata: { name: 'vips' }, spec: { hard: { pods: '0' }, scopeSelector: selector } });
  const vip = { requests: { cpu: '10m' } };
  assert.match(await refusal(PODS, asking('vip', vip, { priorityClassName: 'vip' })), /exceeded quota: vips/);
});

const AUTOSCALERS = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;

test('autoscalers in their first version: kubectl autoscale, older manifests, and nothing is lost of the second', async () => {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  const spec = { scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 60 };
  const first = await api.post(AUTOSCALERS('v1'), { apiVersion: 'autoscaling/v1', metadata: { name: 'web' }, spec });
  assert.deepEqual([first.code, first.body.apiVersion], [201, 'autoscaling/v1']);
  assert.deepEqual(first.body.spec, { ...spec, minReplicas: 1 });
  const second = (await api.get(`${AUTOSCALERS('v2')}/web`)).body;
  const target = { type: 'Utilization', averageUtilization: 60 };
  assert.deepEqual(second.spec.metrics, [{ type: 'Resource', resource: { name: 'cpu', target } }]);
  const memory = {
    type: 'Resource',
    resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '64Mi' } },
  };
  const behavior = { scaleDown: { stabilizationWindowSeconds: 10 } };
  await api.patch(`${AUTOSCALERS('v2')}/web`, 'merge', {
    spec: { metrics: [memory, ...second.spec.metrics], behavior },
  });
  for (const type of ['merge', 'strategic'] as const) {
    const body = { spec: { targetCPUUtilizationPercentage: type === 'merge' ? 70 : 75 } };
    const changed = await api.patch(`${AUTOSCALERS('v1')}/web`, type, body);
    assert.deepEqual(
      [changed.code, changed.body.spec.targetCPUUtilizationPercentage],
      [200, body.spec.targetCPUUtilizationPercentage],
    );
  }
  const { body: after } = await api.get(`${AUTOSCALERS('v2')}/web`);
  assert.deepEqual([after.spec.metrics.length, after.spec.behavior.scaleDown.stabilizationWindowSeconds], [2, 10]);
  const list = await api.get(AUTOSCALERS('v1'));
  assert.deepEqual([list.body.kind, list.body.apiVersion], ['HorizontalPodAutoscalerList', 'autoscaling/v1']);
  assert.equal(list.body.items[0].spec.targetCPUUtilizationPercentage, 75);
  const one = await api.get(`${AUTOSCALERS('v1')}/web`);
  assert.deepEqual(
    [one.body.apiVersion, one.body.spec.metrics, one.body.status.currentReplicas],
    ['autoscaling/v1', undefined, 0],
  );
  const watch = await api.watch(`${AUTOSCALERS('v1')}?watch=true`);
  assert.equal((await watch.next()).object.apiVersion, 'autoscaling/v1');
  await watch.stop();
  const wrong = await api.post(AUTOSCALERS('v1'), { metadata: { name: 'x' }, spec: { ...spec, maxReplicas: 0 } });
  assert.equal(wrong.code, 422);
  assert.equal((await api.delete(`${AUTOSCALERS('v1')}/web`)).code, 200);
});
