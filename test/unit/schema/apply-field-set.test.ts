/** Field sets: the fieldsV1 codec, the algebra, the names of fields in messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  differenceOf,
  equalSets,
  fieldPath,
  fieldSetOf,
  hasPath,
  intersectionOf,
  isEmptySet,
  pathsOf,
  unionOf,
  withoutSubtrees,
} from '../../../shared/schema/apply/field-set.ts';
import { formatFieldsV1, parseFieldsV1 } from '../../../shared/schema/apply/fields-v1.ts';
import {
  formatPath,
  keyElement,
  ManagedFieldsError,
  parsePathElement,
  valueElement,
} from '../../../shared/schema/apply/path-element.ts';

/** As Kubernetes 1.31 wrote it for `kubectl create deployment`, and for its controller manager. */
const FROM_KUBERNETES = [
  '{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:progressDeadlineSeconds":{},"f:replicas":{},"f:revisionHistoryLimit":{},"f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{},"f:maxUnavailable":{}},"f:type":{}},"f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{\\"name\\":\\"nginx\\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{},"f:ports":{".":{},"k:{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},"f:resources":{},"f:terminationMessagePath":{},"f:terminationMessagePolicy":{}}},"f:dnsPolicy":{},"f:restartPolicy":{},"f:schedulerName":{},"f:securityContext":{},"f:terminationGracePeriodSeconds":{}}}}}',
  '{"f:metadata":{"f:annotations":{".":{},"f:deployment.kubernetes.io/revision":{}}},"f:status":{"f:availableReplicas":{},"f:conditions":{".":{},"k:{\\"type\\":\\"Available\\"}":{".":{},"f:lastTransitionTime":{},"f:lastUpdateTime":{},"f:message":{},"f:reason":{},"f:status":{},"f:type":{}}},"f:observedGeneration":{}}}',
  '{"f:metadata":{"f:finalizers":{".":{},"v:\\"foregroundDeletion\\"":{}},"f:ownerReferences":{".":{},"k:{\\"uid\\":\\"0a9d2b9e-779e-11e7-b422-42010a8001be\\"}":{}}}}',
  '{"f:list":{"i:0":{},"i:12":{}},"f:set":{"v:1":{},"v:true":{}}}',
  '{}',
];

test('a set that Kubernetes wrote is written the same', () => {
  for (const text of FROM_KUBERNETES)
    assert.equal(JSON.stringify(formatFieldsV1(parseFieldsV1(JSON.parse(text)))), text);
});

test('other spellings of a set are read as the same set', () => {
  const set = parseFieldsV1({ 'k:{ "protocol":"TCP", "containerPort" : 80 }': { 'f:b': {}, 'f:a': { '.': {} } } });
  assert.deepEqual(formatFieldsV1(set), { 'k:{"containerPort":80,"protocol":"TCP"}': { 'f:a': {}, 'f:b': {} } });
  assert.ok(isEmptySet(parseFieldsV1(undefined)));
  assert.ok(isEmptySet(parseFieldsV1({ '.': {} })));
  assert.deepEqual(formatFieldsV1(parseFieldsV1({ 'z:later': {}, 'f:now': null })), { 'f:now': {} });
});

test('what is no field set is refused', () => {
  for (const fields of [
    [],
    'f:a',
    { 'f:a': 1 },
    { a: {} },
    { 'k:[]': {} },
    { 'k:{': {} },
    { 'v:x': {} },
    { 'i:x': {} },
  ]) {
    assert.throws(() => parseFieldsV1(fields), ManagedFieldsError, JSON.stringify(fields));
  }
});

test('fields are named as in Kubernetes’ conflicts', () => {
  const web = keyElement({ name: 'web' });
  const port = keyElement({ protocol: 'TCP', containerPort: 80 });
  assert.equal(
    formatPath([...fieldPath(['spec', 'containers']), web, 'f:ports', port]),
    '.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]',
  );
  assert.equal(
    formatPath([...fieldPath(['metadata', 'finalizers']), valueElement('a/b')]),
    '.metadata.finalizers[="a/b"]',
  );
  assert.equal(formatPath(['f:list', 'i:3']), '.list[3]');
  assert.equal(parsePathElement('i:007'), 'i:7');
});

const set = (...paths: readonly string[]) => fieldSetOf(paths.map((path) => fieldPath(path.split('.'))));
const names = (value: ReturnType<typeof set>) => pathsOf(value).map(formatPath);

test('membership of a field and of its members are apart', () => {
  const parent = set('a');
  const child = set('a.b');
  assert.deepEqual(names(unionOf(parent, child)), ['.a', '.a.b']);
  assert.deepEqual(names(differenceOf(unionOf(parent, child), parent)), ['.a.b']);
  assert.deepEqual(names(differenceOf(unionOf(parent, child), child)), ['.a']);
  assert.deepEqual(names(withoutSubtrees(unionOf(set('a.c', 'd'), child), parent)), ['.d']);
  assert.deepEqual(names(withoutSubtrees(unionOf(parent, child), child)), ['.a']);
  assert.ok(isEmptySet(intersectionOf(parent, child)));
  assert.equal(hasPath(child, fieldPath(['a'])), false);
  assert.equal(hasPath(child, fieldPath(['a', 'b'])), true);
  assert.equal(equalSets(parent, child), false);
  assert.ok(equalSets(unionOf(child, parent), unionOf(parent, child)));
});
