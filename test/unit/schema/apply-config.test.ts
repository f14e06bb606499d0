/** Server-side apply of Deployments: what is merged, who owns what, what is refused, what is removed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { ApplyConfigError } from '../../../shared/schema/apply/check-config.ts';
import { applyConflictError } from '../../../shared/schema/apply/conflict.ts';
import { at, containers, deployment, Steps, setAt } from './apply-steps.ts';

const WEB = { name: 'web', image: 'nginx:1.27' };
const CONTAINERS = ['spec', 'template', 'spec', 'containers'];

test('the applier owns what it sent and no default', () => {
  const steps = new Steps();
  steps.mustApply('kubectl', deployment({ replicas: 3 }, { containers: [{ ...WEB, ports: [{ containerPort: 80 }] }] }));
  assert.deepEqual(steps.managedFields(), [
    {
      manager: 'kubectl',
      operation: 'Apply',
      apiVersion: 'apps/v1',
      time: '1970-01-01T00:00:01Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { 'f:app': {} } },
        'f:spec': {
          'f:replicas': {},
          'f:selector': {},
          'f:template': {
            'f:metadata': { 'f:labels': { 'f:app': {} } },
            'f:spec': {
              'f:containers': {
                'k:{"name":"web"}': {
                  '.': {},
                  'f:image': {},
                  'f:name': {},
                  'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
                },
              },
            },
          },
        },
      },
    },
  ]);
  assert.equal(at(steps.stored, 'spec', 'strategy', 'type'), 'RollingUpdate');
});

test('containers of several managers stand side by side', () => {
  const steps = new Steps();
  steps.mustApply('web-team', deployment());
  steps.mustApply('mesh', {
    metadata: { name: 'web' },
    spec: { template: { spec: { containers: [{ name: 'proxy', image: 'envoy' }] } } },
  });
  assert.equal(at(steps.stored, ...CONTAINERS, 'web', 'image'), 'nginx:1.27');
  assert.equal(at(steps.stored, ...CONTAINERS, 'proxy', 'image'), 'envoy');
  steps.mustApply('web-team', containers({ name: 'web', image: 'nginx:1.28' }));
  assert.equal(at(steps.stored, ...CONTAINERS, 'web', 'image'), 'nginx:1.28');
  assert.equal(at(steps.stored, ...CONTAINERS, 'proxy', 'image'), 'envoy');
});

test('ports are told apart by number and protocol, environment by name, finalizers by value', () => {
  const steps = new Steps();
  const named = (list: readonly string[]) => ({ ...deployment(), metadata: { name: 'web', finalizers: list } });
  steps.mustApply(
    'dns',
    containers({
      ...WEB,
      ports: [
        { containerPort: 53, name: 'tcp' },
        { containerPort: 53, protocol: 'UDP', name: 'udp' },
      ],
    }),
  );
  steps.mustApply('env', {
    spec: { template: { spec: { containers: [{ name: 'web', env: [{ name: 'A', value: '1' }] }] } } },
  });
  steps.mustApply('more', {
    spec: { template: { spec: { containers: [{ name: 'web', env: [{ name: 'B', value: '2' }] }] } } },
  });
  assert.deepEqual(at(steps.stored, ...CONTAINERS, 'web', 'ports'), [
    { containerPort: 53, name: 'tcp', protocol: 'TCP' },
    { containerPort: 53, protocol: 'UDP', name: 'udp' },
  ]);
  assert.deepEqual(at(steps.stored, ...CONTAINERS, 'web', 'env'), [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ]);
  steps.mustApply('one', named(['a/one']));
  steps.mustApply('two', named(['a/two']));
  assert.deepEqual(at(steps.stored, 'metadata', 'finalizers'), ['a/one', 'a/two']);
  steps.mustApply('one', named([]));
  assert.deepEqual(at(steps.stored, 'metadata', 'finalizers'), ['a/two']);
  assert.deepEqual(at(steps.fields('two'), 'f:metadata'), { 'f:finalizers': { 'v:"a/two"': {} } });
});

test('a field of another applier with another value is a conflict, and force takes it over', () => {
  const steps = new Steps();
  steps.mustApply('first', deployment({ replicas: 3 }));
  const wanted = deployment({ replicas: 5 }, { containers: [{ name: 'web', image: 'nginx:2' }] });
  const before = steps.stored;
  const refused = steps.apply('second', wanted);
  assert.ok(refused);
  const { status } = applyConflictError(refused.conflicts);
  assert.equal(status.code, 409);
  assert.equal(status.reason, 'Conflict');
  assert.equal(
    status.message,
    'Apply failed with 2 conflicts: conflicts with "first":\n- .spec.replicas\n- .spec.template.spec.containers[name="web"].image',
  );
  assert.deepEqual(status.details?.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "first"', field: '.spec.replicas' },
    {
      reason: 'FieldManagerConflict',
      message: 'conflict with "first"',
      field: '.spec.template.spec.containers[name="web"].image',
    },
  ]);
  assert.equal(steps.stored, before);
  steps.mustApply('second', wanted, { force: true });
  assert.equal(at(steps.stored, 'spec', 'replicas'), 5);
  assert.equal(at(steps.fields('first'), 'f:spec', 'f:replicas'), undefined);
  assert.deepEqual(at(steps.fields('second'), 'f:spec', 'f:replicas'), {});
  // The first one is told now.
  assert.deepEqual(steps.conflicts('first', deployment({ replicas: 3 })), [
    'second .spec.replicas',
    'second .spec.template.spec.containers[name="web"].image',
  ]);
});

test('conflicts with updates and subresources name how the field was set', () => {
  const steps = new Steps();
  steps.mustApply('kubectl-apply', deployment({ replicas: 3 }));
  steps.update('kubectl', (object) => setAt(object, ['spec', 'replicas'], 7), { subresource: 'scale' });
  const refused = steps.apply('kubectl-apply', deployment({ replicas: 3 }));
  assert.equal(
    applyConflictError(refused?.conflicts ?? []).status.message,
    'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
  );
});

test('equal values are shared, and the field stays while one of its owners applies it', () => {
  const steps = new Steps();
  steps.mustApply('first', deployment({ replicas: 3 }));
  steps.mustApply('second', deployment({ replicas: 3 }));
  assert.deepEqual(at(steps.fields('first'), 'f:spec', 'f:replicas'), {});
  assert.deepEqual(at(steps.fields('second'), 'f:spec', 'f:replicas'), {});
  steps.mustApply('first', deployment());
  assert.equal(at(steps.stored, 'spec', 'replicas'), 3);
  assert.equal(at(steps.fields('first'), 'f:spec', 'f:replicas'), undefined);
  steps.mustApply('second', deployment());
  assert.equal(at(steps.stored, 'spec', 'replicas'), 1, 'the default is back');
});

test('a shared field cannot be changed by one of its owners alone', () => {
  const steps = new Steps();
  steps.mustApply('first', deployment({ replicas: 3 }));
  steps.mustApply('second', deployment({ replicas: 3 }));
  assert.deepEqual(steps.conflicts('first', deployment({ replicas: 4 })), ['second .spec.replicas']);
});

test('what a manager applied before and leaves out is removed, with all that nobody else owns in it', () => {
  const steps = new Steps();
  const proxy = { name: 'proxy', image: 'envoy', env: [{ name: 'A', value: '1' }] };
  const meta = { name: 'web', labels: { app: 'web', tier: 'front' }, annotations: { note: 'x' } };
  steps.mustApply('kubectl', { ...deployment({ minReadySeconds: 5 }, { containers: [WEB, proxy] }), metadata: meta });
  steps.update('setter', (object) => setAt(object, [...CONTAINERS, 'proxy', 'image'], 'envoy:2'));
  steps.mustApply('kubectl', deployment());
  assert.deepEqual(at(steps.stored, ...CONTAINERS, 'proxy'), undefined);
  assert.equal(at(steps.stored, 'spec', 'minReadySeconds'), undefined);
  assert.deepEqual(at(steps.stored, 'metadata', 'labels'), { app: 'web' });
  assert.equal(at(steps.stored, 'metadata', 'annotations'), undefined);
  assert.equal(steps.entry('setter'), undefined, 'who owns nothing any more is gone');
});

test('a volume changes its source', () => {
  const steps = new Steps();
  const volume = (source: object) => deployment({}, { volumes: [{ name: 'data', ...source }] });
  steps.mustApply('kubectl', volume({ emptyDir: {} }));
  steps.mustApply('kubectl', volume({ configMap: { name: 'a' } }));
  assert.deepEqual(at(steps.stored, 'spec', 'template', 'spec', 'volumes'), [
    { name: 'data', configMap: { name: 'a', defaultMode: 420 } },
  ]);
});

test('fields that others set are kept when the applier drops its neighbours', () => {
  const steps = new Steps();
  steps.mustApply('kubectl', deployment({ replicas: 3, minReadySeconds: 5 }));
  steps.update('operator', (object) => setAt(object, ['metadata', 'labels', 'team'], 'a'));
  steps.mustApply('kubectl', { ...deployment(), metadata: { name: 'web' } });
  assert.deepEqual(at(steps.stored, 'metadata', 'labels'), { team: 'a' });
});

test('an update takes fields from appliers, who are told when they apply again', () => {
  const steps = new Steps();
  steps.mustApply('argocd', deployment({ replicas: 3 }));
  steps.update('kubectl-edit', (object) => setAt(object, ['spec', 'replicas'], 9));
  assert.equal(at(steps.fields('argocd'), 'f:spec', 'f:replicas'), undefined);
  assert.deepEqual(steps.fields('kubectl-edit'), { 'f:spec': { 'f:replicas': {} } });
  assert.deepEqual(steps.conflicts('argocd', deployment({ replicas: 3 })), ['kubectl-edit .spec.replicas']);
  // Handing the field over: who does not care about it leaves it out.
  steps.mustApply('argocd', deployment());
  assert.equal(at(steps.stored, 'spec', 'replicas'), 9);
});

test('applying the same again writes nothing, whatever defaults and spellings do', () => {
  const steps = new Steps();
  const config = containers({
    ...WEB,
    resources: { limits: { cpu: '1000m', memory: '1024Mi' } },
    env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    livenessProbe: { httpGet: { port: 80 } },
  });
  steps.mustApply('kubectl', config);
  const { stored } = steps;
  steps.mustApply('kubectl', config);
  assert.equal(steps.stored, stored);
  // The same values in another form are no conflict either.
  steps.mustApply('helm', config);
  assert.equal(at(steps.stored, ...CONTAINERS, 'web', 'resources', 'limits', 'memory'), '1Gi');
});

test('null takes a leaf away and is no conflict-free way to do so', () => {
  const steps = new Steps();
  steps.mustApply('first', deployment({ minReadySeconds: 5 }));
  assert.deepEqual(steps.conflicts('second', deployment({ minReadySeconds: null })), ['first .spec.minReadySeconds']);
  steps.mustApply('second', deployment({ minReadySeconds: null }), { force: true });
  assert.equal(at(steps.stored, 'spec', 'minReadySeconds'), undefined);
  const { stored } = steps;
  steps.mustApply('second', deployment({ minReadySeconds: null }), { force: true });
  assert.equal(steps.stored, stored);
});

test('status in a configuration for the object itself is nobody’s, and the status has its own entry', () => {
  const steps = new Steps();
  steps.mustApply('operator', { ...deployment(), status: { replicas: 1 } });
  assert.equal(at(steps.fields('operator'), 'f:status'), undefined);
  steps.mustApply('operator', { status: { observedGeneration: 1 }, spec: { replicas: 8 } }, { subresource: 'status' });
  assert.deepEqual(steps.fields('operator', 'status'), { 'f:status': { 'f:observedGeneration': {} } });
  assert.ok(steps.entry('operator'));
});

test('the first apply to an object that nobody tracked knows what was there before', () => {
  const steps = new Steps();
  steps.create('kubectl-create', deployment({ replicas: 2 }));
  steps.update('x', (object) => setAt(object, ['metadata', 'managedFields'], [{}]));
  assert.deepEqual(steps.managedFields(), []);
  assert.deepEqual(steps.conflicts('kubectl', deployment({ replicas: 3 })), ['before-first-apply .spec.replicas']);
  steps.mustApply('kubectl', deployment({ replicas: 2 }));
  assert.equal(steps.entry('before-first-apply')?.operation, 'Update');
});

test('a list with equal items is refused', () => {
  assert.throws(() => new Steps().apply('kubectl', containers(WEB, WEB)), ApplyConfigError);
});

test('keys that JavaScript knows are keys like others', () => {
  const steps = new Steps(ConfigMapKind);
  const data = JSON.parse('{"__proto__": "a", "constructor": "b", "toString": "c"}');
  steps.mustApply('kubectl', { metadata: { name: 'a' }, data });
  assert.deepEqual(steps.fields('kubectl'), { 'f:data': { 'f:__proto__': {}, 'f:constructor': {}, 'f:toString': {} } });
  assert.deepEqual(Object.entries(at(steps.stored, 'data') ?? {}), Object.entries(data));
  steps.mustApply('kubectl', { metadata: { name: 'a' }, data: { toString: 'c' } });
  assert.deepEqual(Object.entries(at(steps.stored, 'data') ?? {}), [['toString', 'c']]);
});
