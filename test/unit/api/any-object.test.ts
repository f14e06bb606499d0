/**
 * Objects made at random after a kind's own schema: whatever has the right types is defaulted, checked and shown without a
 * crash, and filling in twice is filling in once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import { cloneJson } from '../../../shared/machinery/json.ts';
import { applySchemaDefaults } from '../../../shared/schema/defaulting.ts';
import type { Kind } from '../../../shared/schema/define-kind.ts';
import type { Draft, KubernetesObject } from '../../../shared/schema/object-meta.ts';
import { mapValueNode, type SchemaNode, schemaNode } from '../../../shared/schema/schema-node.ts';
import { admit, cells } from './support.ts';

const SEED = 20_261_122;
const RUNS = 25;
const MAX_DEPTH = 8;

const texts = fc.constantFrom('', 'web', 'a/b', 'constructor', '__proto__', '10.0.0.1', 'None', '..', 'x'.repeat(300));
const keys = fc.constantFrom('a', 'cpu', 'constructor', '__proto__', 'toString', 'b/c');

function arbitrary(node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  const format = node['x-format'];
  if (format === 'quantity') return fc.constantFrom('0', '500m', '-1', '64Mi');
  if (format === 'int-or-string') return fc.constantFrom<unknown>(0, -1, 80, '25%', 'http', '');
  if (format === 'time' || format === 'micro-time') return fc.constant('2026-11-22T11:00:00Z');
  if (format === 'bytes') return fc.constantFrom('', 'AA==', 'aGVsbG8=');
  if (format === 'raw') return fc.constant({});
  if (node.enum) return fc.constantFrom(...node.enum);
  const value = mapValueNode(node);
  if (value) return fc.dictionary(keys, arbitrary(value, depth + 1), { maxKeys: 2 });
  if (node.items) return fc.array(arbitrary(node.items, depth + 1), { maxLength: depth > MAX_DEPTH ? 0 : 2 });
  if (node.type === 'object') return arbitraryFields(node, depth);
  if (node.type === 'boolean') return fc.boolean();
  return node.type === 'string' ? texts : fc.constantFrom(0, -1, 1, 80, 70_000);
}

/** Each field is there or not; deep down only what is required. */
function arbitraryFields(node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  const fields = Object.entries(node.properties ?? {});
  const wanted = depth > MAX_DEPTH ? fields.filter(([key]) => node.required?.includes(key)) : fields;
  const model = Object.fromEntries(wanted.map(([key, field]) => [key, arbitrary(field, depth + 1)]));
  return fc.record(model, { requiredKeys: (node.required ?? []).filter((key) => key in model) });
}

/** The edge: what was made after the schema has the kind's type. */
function asDraft(value: unknown): Draft<KubernetesObject> {
  return value as Draft<KubernetesObject>;
}

function checkKind(kind: Kind): void {
  const { metadata: _, ...properties } = schemaNode(kind.schema).properties ?? {};
  const required = ['spec', 'involvedObject'].filter((key) => key in properties);
  const drafts = arbitraryFields({ properties, required }, 0).map((fields) =>
    asDraft({ ...Object(fields), metadata: {} }),
  );
  const check = (draft: Draft<KubernetesObject>): void => {
    const { object, isSound } = admit(kind, draft);
    const again = cloneJson(object);
    applySchemaDefaults(kind.schema, again);
    kind.applyDefaults?.(again);
    assert.deepEqual(again, object);
    kind.validate?.(again, object);
    if (!isSound) return;
    for (const cell of Object.values(cells(kind, object))) assert.notEqual(cell, undefined);
    for (const read of Object.values(kind.selectableFields)) assert.equal(typeof read(object), 'string');
  };
  fc.assert(fc.property(drafts, check), { seed: SEED, numRuns: RUNS });
}

for (const kind of ALL_KINDS) test(`any ${kind.kind} is taken without a crash`, () => checkKind(kind));
