/** Field numbers against those of Kubernetes' .proto files; what JSON inlines is a path such as `2.1`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALL_KINDS, findSchema, REQUEST_SCHEMAS } from '../../../shared/api/registry.ts';
import { type SchemaNode, schemaNode } from '../../../shared/schema/schema-node.ts';

type Numbers = Readonly<Record<string, number>>;

const PROTO: Readonly<Record<string, Numbers>> = JSON.parse(
  readFileSync(new URL('fixtures/protobuf-numbers.json', import.meta.url), 'utf8'),
);

/** Messages whose fields stand in the JSON object of the message that embeds them. */
const EMBEDDED: Readonly<Record<string, { field: string; numbers: Numbers }>> = {
  Volume: { field: 'volumeSource', numbers: PROTO['VolumeSource'] ?? {} },
  Probe: { field: 'handler', numbers: PROTO['ProbeHandler'] ?? {} },
  EphemeralContainer: { field: 'ephemeralContainerCommon', numbers: PROTO['EphemeralContainerCommon'] ?? {} },
  IngressRule: { field: 'ingressRuleValue', numbers: PROTO['IngressRuleValue'] ?? {} },
  PersistentVolumeSpec: { field: 'persistentVolumeSource', numbers: PROTO['PersistentVolumeSource'] ?? {} },
  ConfigMapKeySelector: { field: 'localObjectReference', numbers: { name: 1 } },
};

/** Spelled differently in the .proto file. */
const RENAMED: Readonly<Record<string, string>> = { uID: 'uid', aPIGroup: 'apiGroup' };

function expectedNumbers(message: string): Record<string, number | string> {
  const embedded = EMBEDDED[message];
  const result: Record<string, number | string> = {};
  for (const [field, number] of Object.entries(PROTO[message] ?? {})) {
    if (field !== embedded?.field) result[RENAMED[field] ?? field] = number;
  }
  const outer = PROTO[message]?.[embedded?.field ?? ''];
  for (const [field, number] of Object.entries(embedded?.numbers ?? {})) result[field] = `${outer}.${number}`;
  return result;
}

function collect(node: SchemaNode, found: Map<string, SchemaNode>): void {
  const name = node['x-name'];
  if (name !== undefined && found.has(name)) return;
  if (name !== undefined) found.set(name, node);
  for (const field of Object.values(node.properties ?? {})) collect(field, found);
  if (node.items) collect(node.items, found);
}

const schemas = new Map<string, SchemaNode>();
for (const { schema, group } of [...ALL_KINDS, ...REQUEST_SCHEMAS]) {
  if (group !== 'bramble.dev') collect(schemaNode(schema), schemas);
}

const parts = new Set([
  'VolumeSource',
  'PersistentVolumeSource',
  'IngressRuleValue',
  'ProbeHandler',
  'EphemeralContainerCommon',
]);

for (const message of Object.keys(PROTO).filter((name) => !parts.has(name))) {
  test(`${message} has the field numbers of its message`, () => {
    const fields = Object.entries(schemas.get(message)?.properties ?? {});
    // Type information of an object is not part of its message: it stands in the envelope around it.
    const numbered = fields.filter(([key, { pb }]) => pb !== undefined || (key !== 'apiVersion' && key !== 'kind'));
    const actual = Object.fromEntries(numbered.map(([key, { pb }]) => [key, pb]));
    const expected = expectedNumbers(message);
    assert.deepEqual(actual, expected);
  });
}

test('no two fields of a message share a number, and all have one', () => {
  for (const [name, node] of schemas) {
    const fields = Object.entries(node.properties ?? {}).filter(([key]) => key !== 'apiVersion' && key !== 'kind');
    const numbers = fields.map(([, { pb }]) => pb);
    assert.ok(!numbers.includes(undefined), name);
    assert.equal(new Set(numbers).size, numbers.length, name);
  }
});

test('bodies are found by group, version and kind; DeleteOptions in every group', () => {
  assert.equal(schemaNode(findSchema('apps', 'v1', 'Deployment') ?? {})['x-name'], 'Deployment');
  assert.equal(schemaNode(findSchema('policy', 'v1', 'Eviction') ?? {})['x-name'], 'Eviction');
  assert.equal(schemaNode(findSchema('apps', 'v1', 'DeleteOptions') ?? {})['x-name'], 'DeleteOptions');
  assert.equal(findSchema('apps', 'v1', 'Pod'), undefined);
});
