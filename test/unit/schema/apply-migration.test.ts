/** From client-side to server-side apply, as kubectl goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { unionOf } from '../../../shared/schema/apply/field-set.ts';
import { formatFieldsV1, parseFieldsV1 } from '../../../shared/schema/apply/fields-v1.ts';
import { at, containers, deployment, Steps, setAt } from './apply-steps.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const TYPE = { apiVersion: 'apps/v1', kind: 'Deployment' };

function withLastApplied(config: JsonObject): JsonObject {
  const metadata = isJsonObject(config['metadata']) ? config['metadata'] : {};
  return {
    ...config,
    metadata: { ...metadata, annotations: { [LAST_APPLIED]: JSON.stringify({ ...TYPE, ...config }) } },
  };
}

function clientSideApplied(config: JsonObject): Steps {
  const steps = new Steps();
  steps.create('kubectl-client-side-apply', withLastApplied(config));
  return steps;
}

const annotation = (steps: Steps): unknown => at(steps.stored, 'metadata', 'annotations', LAST_APPLIED);
const image = (name: string): JsonObject => containers({ name: 'web', image: name });

test('kubectl takes over without force what it applied client-side', () => {
  const steps = clientSideApplied(image('nginx:1'));
  steps.mustApply('kubectl', image('nginx:2'));
  assert.equal(at(steps.stored, 'spec', 'template', 'spec', 'containers', 'web', 'image'), 'nginx:2');
});

test('other managers, fields that changed since then and other annotations get conflicts', () => {
  const path = '.spec.template.spec.containers[name="web"].image';
  assert.deepEqual(clientSideApplied(image('nginx:1')).conflicts('helm', image('nginx:2')), [
    `kubectl-client-side-apply ${path}`,
  ]);
  const edited = clientSideApplied(image('nginx:1'));
  edited.update('kubectl-edit', (object) =>
    setAt(object, ['spec', 'template', 'spec', 'containers', 'web', 'image'], 'nginx:3'),
  );
  assert.deepEqual(edited.conflicts('kubectl', image('nginx:2')), [`kubectl-edit ${path}`]);
  for (const text of ['', 'no JSON', '[]', JSON.stringify({ ...image('nginx:1'), apiVersion: 'apps/v1beta1' })]) {
    const steps = clientSideApplied(image('nginx:1'));
    steps.update('kubectl-client-side-apply', (object) =>
      setAt(object, ['metadata', 'annotations', LAST_APPLIED], text),
    );
    assert.deepEqual(steps.conflicts('kubectl', image('nginx:2')), [`kubectl-client-side-apply ${path}`], text);
  }
});

test('kubectl’s server-side apply keeps the annotation up to date', () => {
  const steps = clientSideApplied(deployment({ replicas: 1 }));
  const config = { ...deployment({ replicas: 2 }), metadata: { name: 'web' } };
  steps.mustApply('kubectl', config);
  const text = String(annotation(steps));
  assert.deepEqual(JSON.parse(text), { ...TYPE, ...config });
  assert.ok(
    text.startsWith('{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":2,'),
  );
  assert.ok(text.endsWith('}\n'));
  const helm = clientSideApplied(image('nginx:1'));
  const before = annotation(helm);
  helm.mustApply('helm', image('nginx:1'));
  assert.equal(annotation(helm), before);
});

test('an annotation that becomes too large goes away', () => {
  const steps = clientSideApplied(image('nginx:1'));
  const large = { ...image('nginx:1'), metadata: { name: 'web', annotations: { big: 'x'.repeat(200 * 1024) } } };
  steps.mustApply('kubectl', large);
  assert.equal(annotation(steps), undefined);
});

/** kubectl 1.32 `apply --server-side` of an object that was applied client-side: three patches. */
test('kubectl’s migration: apply, keep the annotation, move the fields of client-side apply', () => {
  const steps = clientSideApplied(deployment({ replicas: 2 }));
  const config = deployment({ replicas: 3 });
  steps.mustApply('kubectl', config);
  steps.mustApply('kubectl-last-applied', {
    metadata: { name: 'web', annotations: { [LAST_APPLIED]: String(annotation(steps)) } },
  });
  const lastApplied = { 'f:metadata': { 'f:annotations': { [`f:${LAST_APPLIED}`]: {} } } };
  assert.deepEqual(steps.fields('kubectl-last-applied'), lastApplied);
  steps.update('kubectl', (object) => {
    const union = unionOf(
      parseFieldsV1(steps.fields('kubectl')),
      parseFieldsV1(steps.fields('kubectl-client-side-apply')),
    );
    const entries = steps.managedFields().filter(({ manager }) => manager !== 'kubectl-client-side-apply');
    const moved = entries.map((entry) =>
      entry.manager === 'kubectl' ? { ...entry, fieldsV1: formatFieldsV1(union) } : entry,
    );
    setAt(object, ['metadata', 'managedFields'], moved);
  });
  assert.deepEqual(
    steps.managedFields().map(({ manager, operation }) => `${manager} ${operation}`),
    ['kubectl Apply', 'kubectl-last-applied Apply'],
  );
  // From now on a field that is left out is removed, also one that only client-side apply had set.
  steps.mustApply('kubectl', deployment());
  assert.equal(at(steps.stored, 'spec', 'replicas'), 1);
});
