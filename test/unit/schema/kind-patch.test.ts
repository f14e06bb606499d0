/** The kinds' own schemas drive strategic merge patches: what kubectl 1.32 sends for a Deployment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { applyStrategicMergePatch } from '../../../shared/machinery/patch/strategic-merge-patch.ts';

const CONTAINERS = [
  { name: 'web', image: 'web:1', ports: [{ containerPort: 80 }], args: ['a', 'b'] },
  { name: 'log', image: 'log:1' },
];

function patchedSpec(spec: Record<string, unknown>, patch: Record<string, unknown>) {
  const template = (inner: Record<string, unknown>) => ({ spec: { template: { spec: inner } } });
  return applyStrategicMergePatch(template(spec), template(patch), DeploymentKind.schema);
}

function specOf(inner: Record<string, unknown>) {
  return { spec: { template: { spec: inner } } };
}

test('kubectl set image', () => {
  const patch = {
    '$setElementOrder/containers': [{ name: 'web' }, { name: 'log' }],
    containers: [{ image: 'web:2', name: 'web' }],
  };
  const [web, log] = CONTAINERS;
  assert.deepEqual(
    patchedSpec({ containers: CONTAINERS }, patch),
    specOf({ containers: [{ ...web, image: 'web:2' }, log] }),
  );
});

test('arguments are replaced as a whole, ports merge by containerPort', () => {
  const patch = { containers: [{ name: 'web', args: ['c'], ports: [{ containerPort: 80, name: 'http' }] }] };
  const [web, log] = CONTAINERS;
  const changed = { ...web, args: ['c'], ports: [{ containerPort: 80, name: 'http' }] };
  assert.deepEqual(patchedSpec({ containers: CONTAINERS }, patch), specOf({ containers: [changed, log] }));
});

test('labels of the selector merge as a map, tolerations are replaced', () => {
  const tolerations = [{ key: 'a', operator: 'Exists' }];
  const patch = { tolerations, nodeSelector: { disk: 'ssd', old: null } };
  const original = { tolerations: [{ key: 'b' }], nodeSelector: { old: 'x', arch: 'arm64' } };
  const result = specOf({ tolerations, nodeSelector: { arch: 'arm64', disk: 'ssd' } });
  assert.deepEqual(patchedSpec(original, patch), result);
});
