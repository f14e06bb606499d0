/** pods/eviction and budgets, with the counts that a controller would keep set by hand. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, type Any, type ApiFixture, PODS, pod, startApi } from './api-fixture.ts';

const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

let api: ApiFixture;
before(async () => {
  api = await startApi();
});
after(() => api.stop());

async function createPod(name: string, labels: Record<string, string>, ready: boolean): Promise<void> {
  const { spec } = pod(name);
  await api.post(PODS, { metadata: { name, labels }, spec });
  await api.post(`${PODS}/${name}/binding`, { target: { kind: 'Node', name: 'pi-1' } });
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  await api.patch(`${PODS}/${name}/status`, 'strategic', { status: { phase: 'Running', conditions } });
}

async function createBudget(name: string, spec: Any, counts: Any): Promise<void> {
  const { code } = await api.post(BUDGETS, { metadata: { name }, spec });
  assert.equal(code, 201);
  const zeros = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  const status = { observedGeneration: 1, ...zeros, ...counts };
  assert.equal((await api.patch(`${BUDGETS}/${name}/status`, 'merge', { status })).code, 200);
}

function evict(name: string): Promise<Answer> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
  return api.post(`${PODS}/${name}/eviction`, body);
}

test('an eviction takes one disruption and notes the pod', async () => {
  for (const name of ['a-1', 'a-2']) await createPod(name, { app: 'a' }, true);
  const selector = { matchLabels: { app: 'a' } };
  await createBudget(
    'a',
    { minAvailable: 1, selector },
    { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 },
  );
  assert.equal((await evict('a-1')).code, 201);
  const { body } = await api.get(`${BUDGETS}/a`);
  assert.equal(body.status.disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(body.status.disruptedPods), ['a-1']);
  assert.equal(body.status.conditions[0].reason, 'InsufficientPods');
  const refused = await evict('a-2');
  assert.deepEqual([refused.code, refused.body.details.retryAfterSeconds], [429, 10]);
  assert.equal(refused.body.details.causes[0].reason, 'DisruptionBudget');
  // The first is on its way: asking again takes nothing.
  assert.equal((await evict('a-1')).code, 201);
});

const UNHEALTHY: readonly [what: string, policy: string | undefined, counts: Any, code: number][] = [
  ['the healthy ones suffice', undefined, { currentHealthy: 3, desiredHealthy: 3 }, 201],
  ['too few are healthy', undefined, { currentHealthy: 2, desiredHealthy: 3 }, 429],
  ['none has to be healthy', undefined, { currentHealthy: 0, desiredHealthy: 0 }, 429],
  [
    'too few are healthy, and unhealthy ones may always go',
    'AlwaysAllow',
    { currentHealthy: 2, desiredHealthy: 3 },
    201,
  ],
  ['the healthy ones suffice, said in full', 'IfHealthyBudget', { currentHealthy: 3, desiredHealthy: 3 }, 201],
];

for (const [index, [what, policy, counts, code]] of UNHEALTHY.entries()) {
  test(`a running pod that is not ready, when ${what}: ${code}`, async () => {
    const app = `u-${index}`;
    await createPod(app, { app }, false);
    const unhealthy = policy === undefined ? {} : { unhealthyPodEvictionPolicy: policy };
    await createBudget(app, { minAvailable: 3, selector: { matchLabels: { app } }, ...unhealthy }, counts);
    assert.equal((await evict(app)).code, code);
  });
}

test('a pending pod and one that has ended go without asking', async () => {
  const selector = { matchLabels: { app: 'p' } };
  await createBudget('p', { minAvailable: 9, selector }, { desiredHealthy: 9 });
  const { spec } = pod('p');
  for (const name of ['p-1', 'p-2']) await api.post(PODS, { metadata: { name, labels: { app: 'p' } }, spec });
  await api.patch(`${PODS}/p-2/status`, 'merge', { status: { phase: 'Failed' } });
  assert.deepEqual([(await evict('p-1')).code, (await evict('p-2')).code], [201, 201]);
});

test('two budgets for one pod are one too many', async () => {
  await createPod('t', { app: 't' }, true);
  for (const name of ['t-1', 't-2']) await createBudget(name, { selector: { matchLabels: { app: 't' } } }, {});
  const { code, body } = await evict('t');
  assert.equal(code, 500);
  assert.match(body.message, /more than one PodDisruptionBudget/);
});

test('a hundred evictions at once take what there is and not one more', async () => {
  const selector = { matchLabels: { app: 's' } };
  const names = Array.from({ length: 100 }, (_, index) => `s-${index}`);
  for (const name of names) await createPod(name, { app: 's' }, true);
  await createBudget(
    's',
    { minAvailable: 93, selector },
    { disruptionsAllowed: 7, currentHealthy: 100, desiredHealthy: 93 },
  );
  const codes = (await Promise.all(names.map(evict))).map(({ code }) => code);
  const gone = codes.filter((code) => code === 201).length;
  assert.ok(gone <= 7, `${gone} went`);
  const { body } = await api.get(`${BUDGETS}/s`);
  assert.equal(Object.keys(body.status.disruptedPods).length, gone);
  assert.equal(body.status.disruptionsAllowed, 7 - gone);
  // Who lost too many races may ask again.
  assert.ok(codes.every((code) => code === 201 || code === 429));
});
