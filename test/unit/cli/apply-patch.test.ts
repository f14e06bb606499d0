/** What apply sends, and that the server's own merge makes the manifest true with it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { computeApplyPatch, LAST_APPLIED, readLastApplied, withLastApplied } from '../../../cli/api/apply-patch.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import { applyMergePatch } from '../../../shared/machinery/patch/merge-patch.ts';
import type { PatchSchema } from '../../../shared/machinery/patch/patch-schema.ts';
import { applyStrategicMergePatch } from '../../../shared/machinery/patch/strategic-merge-patch.ts';

const SCHEMA = DeploymentKind.schema as PatchSchema;

function deployment(containers: readonly object[], spec: object = {}): JsonObject {
  return { metadata: { name: 'web' }, spec: { ...spec, template: { spec: { containers } } } };
}

function containersOf(object: unknown): unknown {
  return (object as { spec: { template: { spec: { containers: unknown } } } }).spec.template.spec.containers;
}

describe('computeApplyPatch', () => {
  test('what others have set stays', () => {
    const before = deployment([{ name: 'a', image: 'one' }]);
    const wanted = deployment([{ name: 'a', image: 'two' }]);
    const live = deployment([
      { name: 'a', image: 'one', terminationMessagePath: '/log' },
      { name: 'sidecar', image: 's' },
    ]);
    const merged = applyStrategicMergePatch(live, computeApplyPatch(before, wanted, SCHEMA), SCHEMA);
    assert.deepEqual(containersOf(merged), [
      { name: 'a', image: 'two', terminationMessagePath: '/log' },
      { name: 'sidecar', image: 's' },
    ]);
  });

  test('what the manifest no longer says goes', () => {
    const before = deployment(
      [
        { name: 'a', image: 'one', command: ['x'] },
        { name: 'b', image: 'b' },
      ],
      { paused: true },
    );
    const wanted = deployment([{ name: 'a', image: 'one' }]);
    const merged = applyStrategicMergePatch(before, computeApplyPatch(before, wanted, SCHEMA), SCHEMA);
    assert.deepEqual(merged, wanted);
  });

  test('members that exclude each other', () => {
    const rolling = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } };
    const before = deployment([], rolling);
    const wanted = deployment([], { strategy: { type: 'Recreate' } });
    const merged = applyStrategicMergePatch(before, computeApplyPatch({}, wanted, SCHEMA), SCHEMA);
    assert.deepEqual((merged as JsonObject)['spec'], wanted['spec']);
  });

  test('without a schema it is a merge patch: the live object becomes the manifest', () => {
    const value = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      value: fc.oneof({ maxDepth: 3 }, tie('leaf'), fc.array(tie('leaf'), { maxLength: 3 }), tie('object')),
      object: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('value'), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    })).object as fc.Arbitrary<JsonObject>;
    fc.assert(
      fc.property(value, value, (before, wanted) => {
        assert.deepEqual(applyMergePatch(before, computeApplyPatch(before, wanted)), wanted);
      }),
      { seed: 7 },
    );
  });

  test('the annotation holds the manifest, and reads back', () => {
    const manifest = { kind: 'ConfigMap', metadata: { name: 'a', annotations: { mine: '1' } }, data: { k: 'v' } };
    const annotated = withLastApplied(manifest);
    assert.deepEqual(readLastApplied(annotated), manifest);
    const again = withLastApplied(annotated);
    assert.deepEqual(again, annotated);
    assert.deepEqual(readLastApplied({ metadata: { annotations: { [LAST_APPLIED]: 'damaged' } } }), {});
  });
});
