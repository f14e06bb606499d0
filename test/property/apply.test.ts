/** Laws of server-side apply: sets against sets of texts, single applies, and random histories of several managers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeploymentKind } from '../../shared/api/deployment.ts';
import { PodKind } from '../../shared/api/pod.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { type ApplyOptions, applyConfig } from '../../shared/schema/apply/apply-config.ts';
import { ApplyConfigError, checkConfig } from '../../shared/schema/apply/check-config.ts';
import { changedFields, compareObjects } from '../../shared/schema/apply/compare.ts';
import { parseManagedFields } from '../../shared/schema/apply/field-managers.ts';
import {
  differenceOf,
  equalSets,
  type FieldSet,
  fieldPath,
  fieldSetOf,
  intersectionOf,
  isEmptySet,
  pathsOf,
  unionOf,
} from '../../shared/schema/apply/field-set.ts';
import { fieldsOf } from '../../shared/schema/apply/fields-of.ts';
import { formatFieldsV1, parseFieldsV1 } from '../../shared/schema/apply/fields-v1.ts';
import { formatPath, keyElement, type Path, valueElement } from '../../shared/schema/apply/path-element.ts';
import { STRIPPED_FIELDS } from '../../shared/schema/apply/stripped-fields.ts';
import type { ManagedFieldsEntry } from '../../shared/schema/object-meta.ts';
import { objectArbitrary } from '../support/schema-arbitrary.ts';
import { Steps, setAt } from '../unit/schema/apply-steps.ts';

const RUNS = { seed: 20_261_019, numRuns: 200 };

const element = fc.oneof(
  fc.string({ maxLength: 4, unit: 'grapheme' }).map((name) => `f:${name}`),
  fc.record({ name: fc.string({ maxLength: 3 }), port: fc.integer() }, { requiredKeys: ['name'] }).map(keyElement),
  fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean()).map(valueElement),
  fc.nat(99).map((index) => `i:${index}`),
);
const paths: fc.Arbitrary<Path[]> = fc.array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 8 });
const fewPaths: fc.Arbitrary<Path[]> = fc.array(
  fc.array(fc.constantFrom('f:a', 'f:b', 'v:1'), { minLength: 1, maxLength: 3 }),
  { maxLength: 8 },
);

const texts = (set: FieldSet): string[] =>
  pathsOf(set)
    .map((path) => JSON.stringify(path))
    .sort();

test('a set is read as it was written', () => {
  fc.assert(
    fc.property(paths, (list) => {
      const set = fieldSetOf(list);
      const written = formatFieldsV1(set);
      assert.ok(equalSets(parseFieldsV1(JSON.parse(JSON.stringify(written))), set));
      assert.deepEqual(texts(set), [...new Set(list.map((path) => JSON.stringify(path)))].sort());
    }),
    RUNS,
  );
});

test('union, difference and intersection are those of sets of paths', () => {
  fc.assert(
    fc.property(fewPaths, fewPaths, (left, right) => {
      const [a, b] = [fieldSetOf(left), fieldSetOf(right)];
      const [inA, inB] = [new Set(texts(a)), new Set(texts(b))];
      assert.deepEqual(texts(unionOf(a, b)), [...new Set([...inA, ...inB])].sort());
      assert.deepEqual(
        texts(differenceOf(a, b)),
        [...inA].filter((path) => !inB.has(path)),
      );
      assert.deepEqual(
        texts(intersectionOf(a, b)),
        [...inA].filter((path) => inB.has(path)),
      );
      assert.equal(equalSets(a, b), texts(a).join() === texts(b).join());
    }),
    RUNS,
  );
});

/** Configurations as clients send them: items can be told apart, and only what may be applied is in them. */
function configArbitrary({ schema }: { schema: object }): fc.Arbitrary<JsonObject> {
  return objectArbitrary(schema, 9)
    .map(({ status: _, ...config }) => withoutServerFields(config))
    .filter((config) => isAppliable(schema, config));
}

function withoutServerFields(config: JsonObject): JsonObject {
  const { metadata } = config;
  if (!isJsonObject(metadata)) return config;
  const { labels, annotations, finalizers, ownerReferences } = metadata;
  const kept = Object.entries({ labels, annotations, finalizers, ownerReferences });
  return { ...config, metadata: Object.fromEntries(kept.filter(([, value]) => value !== undefined)) };
}

function isAppliable(schema: object, config: JsonObject): boolean {
  try {
    checkConfig(schema, config);
    return true;
  } catch (error) {
    if (error instanceof ApplyConfigError) return false;
    throw error;
  }
}

const word = fc.constantFrom('a', 'b');
const words = fc.dictionary(word, word, { maxKeys: 2, noNullPrototype: true });
const part = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record(model, { requiredKeys: [], noNullPrototype: true });

/** Without `selector` items may be equal, as only updates may make them. Empty lists are nobody's: there are none. */
function items<T>(item: fc.Arbitrary<T>, selector?: (item: T) => unknown): fc.Arbitrary<T[]> {
  if (selector === undefined) return fc.array(item, { minLength: 1, maxLength: 3 });
  return fc.uniqueArray(item, { minLength: 1, maxLength: 2, selector });
}

/** Pod specifications from few words, so that managers meet in the same fields. */
function podSpec({ isUnique }: { isUnique: boolean }): fc.Arbitrary<JsonObject> {
  const env = fc.record({ name: word, value: word }, { requiredKeys: ['name'], noNullPrototype: true });
  const port = fc.record(
    { containerPort: fc.constantFrom(80, 81), protocol: fc.constantFrom('TCP', 'UDP'), name: word },
    { requiredKeys: ['containerPort'], noNullPrototype: true },
  );
  const portKey = isUnique
    ? ({ containerPort, protocol = 'TCP' }: { containerPort: number; protocol?: string }) =>
        `${containerPort}${protocol}`
    : undefined;
  const byName = isUnique ? ({ name }: { name: string }) => name : undefined;
  const container = fc.record(
    {
      name: word,
      image: word,
      env: items(env, byName),
      ports: items(port, portKey),
      resources: part({ limits: part({ cpu: fc.constantFrom('1', '1000m', '2') }) }),
    },
    { requiredKeys: ['name'], noNullPrototype: true },
  );
  const volume = fc.oneof(
    word.map((name) => ({ name, emptyDir: {} })),
    fc.tuple(word, word).map(([name, source]) => ({ name, configMap: { name: source } })),
  );
  return part<JsonObject>({
    containers: fc.uniqueArray(container, { minLength: 1, maxLength: 2, selector: ({ name }) => name }),
    volumes: fc.uniqueArray(volume, { minLength: 1, maxLength: 2, selector: ({ name }) => name }),
    nodeSelector: words,
    securityContext: part({ runAsUser: fc.constantFrom(1, 2) }),
    hostname: word,
  });
}

const metadata = part({ labels: words, finalizers: fc.subarray(['x/a', 'x/b'], { minLength: 1 }), annotations: words });
const densePod = part<JsonObject>({ metadata, spec: podSpec({ isUnique: true }) });

function denseDeployment(options: { isUnique: boolean }): fc.Arbitrary<JsonObject> {
  const template = part({ metadata: part({ labels: words }), spec: podSpec(options) });
  return part<JsonObject>({
    metadata,
    spec: part({ replicas: fc.constantFrom(1, 2), template, paused: fc.boolean() }),
  });
}

const { schema } = PodKind;
const pod = fc.oneof(configArbitrary(PodKind), densePod, densePod);

function apply(options: Pick<ApplyOptions, 'live' | 'applied' | 'managers' | 'manager'> & Partial<ApplyOptions>) {
  return applyConfig({ force: false, schema, apiVersion: 'v1', nowMs: 0, ...options });
}

interface Live {
  object: JsonObject;
  managedFields: readonly ManagedFieldsEntry[];
}

function created(config: JsonObject, manager = 'first'): Live {
  const result = apply({ live: undefined, applied: config, managers: [], manager });
  assert.ok(result.ok);
  return result;
}

const ownedBy = (entries: readonly ManagedFieldsEntry[], manager: string): FieldSet =>
  [...parseManagedFields(entries).values()].find((entry) => entry.manager === manager)?.fields ?? fieldSetOf([]);

test('the fields of an object are what it differs by from an empty one, containers aside', () => {
  fc.assert(
    fc.property(pod, (config) => {
      const { added, modified, removed } = compareObjects(schema, {}, config);
      assert.ok(isEmptySet(differenceOf(fieldsOf(schema, config), added)));
      assert.ok(isEmptySet(modified) && isEmptySet(removed));
      const back = compareObjects(schema, config, {});
      assert.ok(equalSets(back.removed, added));
    }),
    RUNS,
  );
});

test('applying the same twice changes nothing, not even times', () => {
  fc.assert(
    fc.property(pod, pod, (config, other) => {
      const first = created(other, 'other');
      const once = apply({
        live: first.object,
        applied: config,
        managers: first.managedFields,
        manager: 'a',
        force: true,
      });
      assert.ok(once.ok);
      const twice = apply({
        live: once.object,
        applied: config,
        managers: once.managedFields,
        manager: 'a',
        nowMs: 9_000,
      });
      assert.deepEqual(twice, once);
    }),
    RUNS,
  );
});

test('after an apply the object says what was applied, and with force the applier owns all of it', () => {
  fc.assert(
    fc.property(pod, pod, pod, (before, last, config) => {
      const first = created(before, 'other');
      const second = apply({
        live: first.object,
        applied: last,
        managers: first.managedFields,
        manager: 'a',
        force: true,
      });
      assert.ok(second.ok);
      const third = apply({
        live: second.object,
        applied: config,
        managers: second.managedFields,
        manager: 'a',
        force: true,
      });
      assert.ok(third.ok);
      const { modified, removed } = compareObjects(schema, config, third.object);
      assert.deepEqual([texts(modified), texts(removed)], [[], []]);
      const wanted = differenceOf(fieldsOf(schema, config), STRIPPED_FIELDS);
      assert.deepEqual(texts(ownedBy(third.managedFields, 'a')), texts(wanted));
    }),
    RUNS,
  );
});

test('without force fields of others are untouched: refused, or left as they are', () => {
  fc.assert(
    fc.property(pod, pod, pod, (theirs, last, config) => {
      const first = created(theirs, 'other');
      const second = apply({ live: first.object, applied: last, managers: first.managedFields, manager: 'a' });
      if (!second.ok) {
        const owned = ownedBy(first.managedFields, 'other');
        const wanted = fieldSetOf(second.conflicts.map(({ path }) => path));
        assert.ok(isEmptySet(differenceOf(wanted, owned)) && second.conflicts.length > 0);
        return;
      }
      const third = apply({ live: second.object, applied: config, managers: second.managedFields, manager: 'a' });
      for (const { object, managedFields } of third.ok ? [second, third] : [second]) {
        const { modified, removed } = compareObjects(schema, theirs, object);
        assert.deepEqual([texts(modified), texts(removed)], [[], []]);
        assert.deepEqual(texts(ownedBy(managedFields, 'other')), texts(ownedBy(first.managedFields, 'other')));
      }
    }),
    RUNS,
  );
});

test('who applies nothing any more leaves what others had, and nothing of its own', () => {
  fc.assert(
    fc.property(pod, pod, (theirs, config) => {
      const first = created(theirs, 'other');
      const second = apply({ live: first.object, applied: config, managers: first.managedFields, manager: 'a' });
      if (!second.ok || first.managedFields.length === 0) return;
      const third = apply({ live: second.object, applied: {}, managers: second.managedFields, manager: 'a' });
      assert.ok(third.ok);
      assert.deepEqual(third.managedFields, first.managedFields);
      const { removed } = compareObjects(schema, theirs, third.object);
      assert.deepEqual(texts(removed), []);
      const left = differenceOf(fieldsOf(schema, third.object), unionOf(fieldsOf(schema, theirs), STRIPPED_FIELDS));
      assert.deepEqual(texts(left), []);
    }),
    RUNS,
  );
});

type Step = { manager: string; config: JsonObject; verb: 'apply' | 'force' | 'update' | 'status' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    manager: fc.constantFrom('a', 'b', 'kubectl'),
    config: fc.oneof(
      configArbitrary(DeploymentKind),
      denseDeployment({ isUnique: true }),
      denseDeployment({ isUnique: false }),
    ),
    verb: fc.constantFrom<Step['verb']>('apply', 'force', 'update', 'status'),
  }),
  { minLength: 2, maxLength: 8 },
);

function run(world: Steps, { manager, config, verb }: Step): void {
  if (verb === 'apply' || verb === 'force') {
    if (isAppliable(DeploymentKind.schema, config)) world.apply(manager, config, { force: verb === 'force' });
  } else if (verb === 'status') {
    const status = { replicas: world.nowMs };
    world.update(manager, (object) => setAt(object, ['status'], status), { subresource: 'status' });
  } else world.update(manager, (object) => void Object.assign(object, config));
}

/** Everything that is there, containers included: what anybody can own. */
function present(object: JsonObject): FieldSet {
  return compareObjects(DeploymentKind.schema, {}, object).added;
}

test('through any history, managers own only what is there, and each has one entry', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const world = new Steps();
      for (const step of history) {
        const before = world.stored;
        run(world, step);
        if (world.stored === undefined) continue;
        const entries = world.managedFields();
        const managers = parseManagedFields(entries);
        assert.equal(managers.size, entries.length);
        for (const { manager, fields } of managers.values()) {
          const ghosts = differenceOf(fields, present(world.stored));
          assert.deepEqual(pathsOf(ghosts).map(formatPath), [], `${manager} after ${step.verb} of ${step.manager}`);
        }
        if (before !== undefined) assertOnlyOwnersChange(before, world.stored, step);
      }
    }),
    RUNS,
  );
});

/** Nobody but the writer comes to own anything, and what an apply takes from others has changed. */
function assertOnlyOwnersChange(before: JsonObject, after: JsonObject, { manager }: Step): void {
  const owners = (object: JsonObject): ReturnType<typeof parseManagedFields> => {
    const { metadata } = object;
    const entries = isJsonObject(metadata) ? (metadata['managedFields'] as ManagedFieldsEntry[]) : [];
    return parseManagedFields(entries);
  };
  const [previous, next] = [owners(before), owners(after)];
  for (const [id, { manager: other, fields }] of next) {
    if (other === manager || previous.size === 0) continue;
    assert.deepEqual(texts(differenceOf(fields, previous.get(id)?.fields ?? fieldSetOf([]))), [], other);
  }
}

test('an update gives every field that it changed to its writer', () => {
  fc.assert(
    fc.property(configArbitrary(DeploymentKind), configArbitrary(DeploymentKind), (first, second) => {
      const world = new Steps();
      world.create('a', first);
      if (world.managedFields().length === 0) return;
      const before = world.stored ?? {};
      world.update('b', (object) => void Object.assign(object, second));
      const after = world.stored ?? {};
      const comparison = compareObjects(DeploymentKind.schema, before, after);
      const ignored = unionOf(STRIPPED_FIELDS, fieldSetOf([fieldPath(['status'])]));
      const written = differenceOf(unionOf(comparison.added, comparison.modified), ignored);
      assert.deepEqual(texts(ownedBy(world.managedFields(), 'b')), texts(written));
      assert.ok(
        isEmptySet(
          intersectionOf(ownedBy(world.managedFields(), 'a'), differenceOf(changedFields(comparison), ignored)),
        ),
      );
    }),
    RUNS,
  );
});
