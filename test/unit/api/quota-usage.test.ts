/** What objects take from quotas, and which kinds a quota's names are about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KIND_NAMES } from '../../../shared/api/kind-names.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { podLimits, podRequests } from '../../../shared/api/pod-amounts.ts';
import { missingAmounts } from '../../../shared/api/quota/pod-usage.ts';
import { isTakenBy, UsageSum, usageOf } from '../../../shared/api/quota/usage.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import { addQuantityMaps, maxQuantityMaps, subtractQuantityMaps } from '../../../shared/machinery/quantity-map.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';

type Container = Partial<Pod['spec']['containers'][number]>;

const asking = (name: string, requests: Record<string, string>, more: Container = {}): Container => ({
  name,
  resources: { requests },
  ...more,
});

function podOf(spec: Record<string, unknown>, status: Record<string, unknown> = {}): Pod {
  const object: unknown = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec, status };
  return object as Pod;
}

test('init containers count one by one, sidecars with everything after them', () => {
  const { spec } = podOf({
    containers: [asking('a', { cpu: '100m', memory: '10Mi' }), asking('b', { cpu: '200m' })],
    initContainers: [asking('first', { cpu: '1' }), asking('side', { cpu: '50m' }, { restartPolicy: 'Always' })],
    overhead: { cpu: '5m' },
  });
  assert.deepEqual(podRequests(spec), { cpu: '1005m', memory: '10Mi' });
  assert.deepEqual(podLimits(spec), {});
});

const USAGES: readonly [what: string, kind: keyof typeof KIND_NAMES, object: Record<string, unknown>, used: object][] =
  [
    [
      'a pod',
      'Pod',
      { spec: { containers: [asking('a', { cpu: '1' })] }, status: {} },
      { pods: '1', cpu: '1', 'requests.cpu': '1' },
    ],
    [
      'a pod that has ended',
      'Pod',
      { spec: { containers: [] }, status: { phase: 'Failed' } },
      { pods: '0', 'count/pods': '1' },
    ],
    [
      'a service',
      'Service',
      { spec: { type: 'ClusterIP', ports: [{}] } },
      { services: '1', 'services.nodeports': '0' },
    ],
    [
      'a load balancer',
      'Service',
      { spec: { type: 'LoadBalancer', ports: [{}, {}] } },
      { 'services.loadbalancers': '1', 'services.nodeports': '2' },
    ],
    [
      'a claim',
      'PersistentVolumeClaim',
      { spec: { storageClassName: 'fast', resources: { requests: { storage: '2Gi' } } } },
      {
        'requests.storage': '2Gi',
        'fast.storageclass.storage.k8s.io/requests.storage': '2Gi',
        'slow.storageclass.storage.k8s.io/persistentvolumeclaims': '0',
      },
    ],
    ['a deployment', 'Deployment', {}, { 'count/deployments.apps': '1' }],
  ];

for (const [what, name, body, used] of USAGES) {
  test(`what ${what} takes`, () => {
    const kind = KIND_NAMES[name];
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
    const object: unknown = { apiVersion, kind: kind.kind, metadata: { name: 'o' }, ...body };
    const sum = new UsageSum(Object.keys(used));
    sum.add(usageOf(kind, object as KubernetesObject, 0));
    assert.deepEqual(sum.toQuantities(), used);
  });
}

test('each name is about one kind', () => {
  const names = [
    'pods',
    'cpu',
    'requests.example.com/gpu',
    'services',
    'services.nodeports',
    'requests.storage',
    'count/jobs.batch',
  ];
  const kinds = names.map((name) => ALL_KINDS.filter((kind) => isTakenBy(kind, name)).map(({ kind }) => kind));
  assert.deepEqual(kinds, [['Pod'], ['Pod'], ['Pod'], ['Service'], ['Service'], ['PersistentVolumeClaim'], ['Job']]);
});

test('what must be said, and by whom it is not', () => {
  const { spec } = podOf({
    containers: [asking('b', {}), asking('a', { cpu: '1' })],
    initContainers: [asking('i', {})],
  });
  const missing = missingAmounts(spec, ['pods', 'requests.cpu', 'limits.memory']);
  assert.equal(missing, 'must specify limits.memory for: a,b,i; requests.cpu for: b,i');
  assert.equal(missingAmounts({ ...spec, resources: { requests: { cpu: '1' } } }, ['cpu']), undefined);
});

test('sums of amounts by name', () => {
  assert.deepEqual(addQuantityMaps({ cpu: '500m' }, { cpu: '700m', memory: '1Gi' }), { cpu: '1200m', memory: '1Gi' });
  assert.deepEqual(subtractQuantityMaps({ cpu: '1' }, { cpu: '300m' }), { cpu: '700m' });
  assert.deepEqual(maxQuantityMaps({ cpu: '1', a: '2' }, { cpu: '1500m', a: '1' }), { cpu: '1500m', a: '2' });
});
