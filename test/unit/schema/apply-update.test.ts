/** Managers after ordinary writes: whose fields change hands, times, the cap, clients that edit managedFields. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodKind } from '../../../shared/api/pod.ts';
import { requestedManagedFields } from '../../../shared/schema/apply/field-managers.ts';
import type { ManagedFieldsEntry } from '../../../shared/schema/object-meta.ts';
import { at, containers, deployment, Steps, setAt } from './apply-steps.ts';

const CONTAINERS = ['spec', 'template', 'spec', 'containers'];

test('who creates an object owns its fields, defaults included, as Kubernetes writes it', () => {
  const steps = new Steps();
  steps.create('kubectl-create', containers({ name: 'nginx', image: 'nginx' }));
  // What Kubernetes 1.31 stored for `kubectl create deployment nginx --image nginx`.
  assert.deepEqual(steps.fields('kubectl-create'), {
    'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
    'f:spec': {
      'f:progressDeadlineSeconds': {},
      'f:replicas': {},
      'f:revisionHistoryLimit': {},
      'f:selector': {},
      'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
      'f:template': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"nginx"}': {
              '.': {},
              'f:image': {},
              'f:imagePullPolicy': {},
              'f:name': {},
              'f:resources': {},
              'f:terminationMessagePath': {},
              'f:terminationMessagePolicy': {},
            },
          },
          'f:dnsPolicy': {},
          'f:restartPolicy': {},
          'f:schedulerName': {},
          'f:securityContext': {},
          'f:terminationGracePeriodSeconds': {},
        },
      },
    },
  });
});

test('changed fields go to the writer, the rest stays where it is', () => {
  const steps = new Steps();
  steps.create('kubectl-create', deployment());
  steps.update('kubectl-set', (object) => setAt(object, [...CONTAINERS, 'web', 'image'], 'nginx:2'));
  assert.deepEqual(steps.fields('kubectl-set'), {
    'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': { 'f:image': {} } } } } },
  });
  const web = ['f:spec', 'f:template', 'f:spec', 'f:containers', 'k:{"name":"web"}'];
  assert.equal(at(steps.fields('kubectl-create'), ...web, 'f:image'), undefined);
  assert.deepEqual(at(steps.fields('kubectl-create'), ...web, 'f:name'), {});
});

test('a subresource and an apply of the same manager have entries of their own', () => {
  const steps = new Steps();
  steps.create('manager', deployment());
  steps.update('manager', (object) => setAt(object, ['status'], { replicas: 1 }), { subresource: 'status' });
  steps.mustApply('manager', deployment());
  assert.deepEqual(
    steps.managedFields().map(({ operation, subresource }) => [operation, subresource]),
    [
      ['Apply', undefined],
      ['Update', undefined],
      ['Update', 'status'],
    ],
  );
  assert.deepEqual(steps.fields('manager', 'status'), { 'f:status': { 'f:replicas': {} } });
});

test('times change with what a manager does, never with what others do', () => {
  const steps = new Steps();
  const time = (manager: string) => steps.entry(manager)?.time?.slice(17, 19);
  steps.create('a', deployment());
  steps.update('b', (object) => setAt(object, ['spec', 'replicas'], 2));
  assert.deepEqual([time('a'), time('b')], ['01', '02']);
  steps.update('b', () => undefined);
  assert.deepEqual([time('a'), time('b')], ['01', '02'], 'nothing was written');
  steps.update('b', (object) => setAt(object, ['spec', 'replicas'], 3));
  assert.deepEqual([time('a'), time('b')], ['01', '04'], 'the same set, another value');
  steps.update('b', (object) => setAt(object, ['metadata', 'labels', 'app'], undefined));
  assert.deepEqual([time('a'), time('b')], ['01', '04'], 'took away what another owns');
  steps.mustApply('c', deployment({ replicas: 3 }), { force: true });
  steps.mustApply('c', deployment({ replicas: 3 }));
  assert.equal(time('c'), '06');
});

test('a writer who owns nothing any more is gone', () => {
  const steps = new Steps();
  steps.create('a', deployment());
  steps.update('b', (object) => setAt(object, ['metadata', 'annotations'], { x: 'y' }));
  assert.deepEqual(steps.fields('b'), { 'f:metadata': { 'f:annotations': { '.': {}, 'f:x': {} } } });
  steps.update('c', (object) => setAt(object, ['metadata', 'annotations'], undefined));
  assert.deepEqual(
    steps.managedFields().map(({ manager }) => manager),
    ['a'],
  );
});

test('names, versions and what else only says which object it is belongs to nobody', () => {
  const steps = new Steps(PodKind);
  const metadata = {
    name: 'a',
    namespace: 'b',
    uid: 'c',
    resourceVersion: '1',
    generation: 1,
    selfLink: 'x',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  steps.create('a', { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'a' }] } });
  assert.deepEqual(Object.keys(at(steps.fields('a')) ?? {}), ['f:spec']);
  steps.update('b', (object) => setAt(object, ['metadata', 'resourceVersion'], '2'));
  assert.deepEqual(
    steps.managedFields().map(({ manager }) => manager),
    ['a'],
  );
});

test('old updates become one entry, so that there are ten at most', () => {
  const steps = new Steps();
  steps.mustApply('applier', deployment());
  for (let index = 0; index < 14; index += 1) {
    steps.update(`writer-${index}`, (object) => setAt(object, ['metadata', 'labels', `l${index}`], 'x'));
  }
  const updates = steps.managedFields().filter(({ operation }) => operation === 'Update');
  assert.deepEqual(
    updates.map(({ manager }) => manager),
    ['ancient-changes', ...[5, 6, 7, 8, 9, 10, 11, 12, 13].map((index) => `writer-${index}`)],
  );
  assert.deepEqual(Object.keys(at(steps.fields('ancient-changes'), 'f:metadata', 'f:labels') ?? {}), [
    'f:l0',
    'f:l1',
    'f:l2',
    'f:l3',
    'f:l4',
  ]);
  assert.equal(steps.entry('ancient-changes')?.time, '1970-01-01T00:00:06Z');
  assert.ok(steps.entry('applier'));
});

test('an object without managers is not tracked until it is applied', () => {
  const steps = new Steps();
  steps.stored = { ...deployment(), metadata: { name: 'web' } };
  steps.update('a', (object) => setAt(object, ['spec', 'replicas'], 2));
  assert.deepEqual(steps.managedFields(), []);
});

const ENTRY: ManagedFieldsEntry = {
  manager: 'a',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': {} },
};

test('managedFields of a request count when they can be read', () => {
  const other = { ...ENTRY, manager: 'b' };
  const table: [unknown, string, readonly ManagedFieldsEntry[]][] = [
    [undefined, '', [ENTRY]],
    [null, '', [ENTRY]],
    [[other], '', [other]],
    [[other], 'status', [ENTRY]],
    [[], '', []],
    [[{}], '', []],
    [[{ ...other, operation: 'Delete' }], '', [ENTRY]],
    [[{ ...other, fieldsType: 'FieldsV2' }], '', [ENTRY]],
    [[{ ...other, apiVersion: '' }], '', [ENTRY]],
    [[{ ...other, manager: 1 }], '', [ENTRY]],
    [[{ ...other, fieldsV1: { a: {} } }], '', [ENTRY]],
    [['x'], '', [ENTRY]],
  ];
  for (const [sent, subresource, expected] of table) {
    assert.deepEqual(requestedManagedFields(sent, [ENTRY], subresource), expected, JSON.stringify(sent));
  }
});
