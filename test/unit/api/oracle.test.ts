/**
 * Our schemas against facts of Kubernetes 1.35's OpenAPI: names and types of all fields, required fields, list types, merge
 * keys. The fixture holds one text a field, such as `[Container] list=map keys=name merge=name strategy=merge required`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALL_KINDS, REQUEST_SCHEMAS } from '../../../shared/api/registry.ts';
import { type SchemaNode, schemaNode } from '../../../shared/schema/schema-node.ts';

type Fields = Readonly<Record<string, string>>;

const ORACLE: Readonly<Record<string, Fields>> = JSON.parse(
  readFileSync(new URL('fixtures/kubernetes-1.35-fields.json', import.meta.url), 'utf8'),
);

/** Optional here, because kubectl leaves them out of the protobuf bodies that it sends. */
const REQUIRED_ELSEWHERE = new Set([
  'TokenRequest.spec',
  'TokenRequestSpec.audiences',
  'SelfSubjectAccessReview.spec',
  'SelfSubjectRulesReview.spec',
]);

function collect(node: SchemaNode, found: Map<string, SchemaNode>): void {
  const name = node['x-name'];
  if (name !== undefined && found.has(name)) return;
  if (name !== undefined) found.set(name, node);
  for (const field of Object.values(node.properties ?? {})) collect(field, found);
  if (node.items) collect(node.items, found);
}

function ourSchemas(): Map<string, SchemaNode> {
  const found = new Map<string, SchemaNode>();
  const kinds = ALL_KINDS.filter(({ group }) => group !== 'bramble.dev');
  for (const { schema } of [...kinds, ...REQUEST_SCHEMAS]) collect(schemaNode(schema), found);
  return found;
}

const FORMATS: Readonly<Record<string, string>> = {
  int32: 'integer:int32',
  int64: 'integer:int64',
  double: 'number:double',
  quantity: 'Quantity',
  'int-or-string': 'IntOrString',
  time: 'Time',
  'micro-time': 'MicroTime',
  bytes: 'string:byte',
  raw: 'FieldsV1',
};

function renderType(node: SchemaNode): string {
  const value = Object.values(node.patternProperties ?? {})[0];
  if (value) return `{${renderType(value)}}`;
  if (node.items) return `[${renderType(node.items)}]`;
  return node['x-name'] ?? FORMATS[node['x-format'] ?? ''] ?? node.type ?? 'unknown';
}

function renderField(node: SchemaNode, isRequired: boolean): string {
  const listType = node['x-kubernetes-list-type'];
  const words = [
    ['', renderType(node)],
    ['list=', listType === 'atomic' ? undefined : listType],
    ['keys=', node['x-kubernetes-list-map-keys']?.join(',')],
    ['merge=', node['x-kubernetes-patch-merge-key']],
    ['strategy=', node['x-kubernetes-patch-strategy']],
    ['map=', node['x-name'] === undefined ? node['x-kubernetes-map-type'] : undefined],
    ['', isRequired ? 'required' : undefined],
  ];
  return words.flatMap(([prefix, word]) => (word === undefined ? [] : [`${prefix}${word}`])).join(' ');
}

function renderSchema(name: string, node: SchemaNode): Fields {
  const mapType = node['x-kubernetes-map-type'];
  const fields = Object.entries(node.properties ?? {}).map(([key, field]) => {
    const isRequired = (node.required ?? []).includes(key) || REQUIRED_ELSEWHERE.has(`${name}.${key}`);
    return [key, renderField(field, isRequired)];
  });
  return { ...(mapType === undefined ? {} : { '': `map=${mapType}` }), ...Object.fromEntries(fields) };
}

test('every schema has the fields, types and merge rules of Kubernetes 1.35', () => {
  const schemas = ourSchemas();
  assert.deepEqual([...schemas.keys()].sort(), Object.keys(ORACLE).sort());
  for (const [name, node] of schemas) assert.deepEqual(renderSchema(name, node), ORACLE[name], name);
});

test('a schema of one name is the same wherever it is used', () => {
  for (const { schema } of [...ALL_KINDS, ...REQUEST_SCHEMAS]) {
    const here = new Map<string, SchemaNode>();
    collect(schemaNode(schema), here);
    for (const [name, node] of here) {
      if (ORACLE[name]) assert.deepEqual(renderSchema(name, node), ORACLE[name], name);
    }
  }
});

test('every field is described, for kubectl explain', () => {
  for (const [name, node] of ourSchemas()) {
    assert.ok(node.description, name);
    for (const [key, field] of Object.entries(node.properties ?? {})) assert.ok(field.description, `${name}.${key}`);
  }
});

test('a default of {} never lacks a required field, but for what only the user can know', () => {
  const found = [...ourSchemas()].flatMap(([name, node]) =>
    Object.entries(node.properties ?? {}).flatMap(([key, field]) => {
      const isObject = field.default !== undefined && field.properties !== undefined;
      const missing = (field.required ?? []).filter((one) => field.properties?.[one]?.default === undefined);
      return isObject && missing.length > 0 ? [`${name}.${key}: ${missing}`] : [];
    }),
  );
  assert.deepEqual(found.sort(), [
    'CronJob.spec: schedule,jobTemplate',
    'DaemonSet.spec: selector,template',
    'Deployment.spec: selector,template',
    'HorizontalPodAutoscaler.spec: scaleTargetRef,maxReplicas',
    'Job.spec: template',
    'JobTemplateSpec.spec: template',
    'Pod.spec: containers',
    'PodTemplateSpec.spec: containers',
    'ReplicaSet.spec: selector',
    'StatefulSet.spec: selector,template',
  ]);
});
