/** OpenAPI documents: a golden one, and what kubectl looks for in all of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { ALL_KINDS, REQUEST_SCHEMAS } from '../../../shared/api/registry.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { openApiDocument } from '../../../shared/schema/openapi.ts';
import { groupPackage } from '../../../shared/schema/openapi-names.ts';

const GOLDEN = new URL('../../golden/openapi-config-map.json', import.meta.url);

function documentOf(group: string, version = 'v1'): JsonObject {
  return openApiDocument({
    kinds: ALL_KINDS.filter((kind) => kind.group === group && kind.version === version),
    bodies: REQUEST_SCHEMAS.filter((body) => body.kind === 'Scale' || body.group === group),
    version: 'v1.35.0',
  });
}

/** The member at a path of keys; fails where there is none. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce((inner: unknown, key) => {
    assert.ok(isJsonObject(inner) && Object.hasOwn(inner, key), `no member ${key} in ${path.join(' ')}`);
    return inner[key];
  }, value);
}

test('the document of ConfigMap is the golden one', () => {
  const document = openApiDocument({ kinds: [ConfigMapKind], version: 'v1.35.0' });
  assert.deepEqual(JSON.parse(JSON.stringify(document)), JSON.parse(readFileSync(GOLDEN, 'utf8')));
});

test('components have the names that Kubernetes gives them', () => {
  assert.equal(groupPackage('', 'v1'), 'io.k8s.api.core.v1');
  assert.equal(groupPackage('apps', 'v1'), 'io.k8s.api.apps.v1');
  assert.equal(groupPackage('coordination.k8s.io', 'v1'), 'io.k8s.api.coordination.v1');
  assert.equal(groupPackage('bramble.dev', 'v1'), 'dev.bramble.v1');
  const schemas = at(documentOf('apps'), 'components', 'schemas');
  for (const name of [
    'io.k8s.api.apps.v1.Deployment',
    'io.k8s.api.apps.v1.DeploymentList',
    'io.k8s.api.autoscaling.v1.Scale',
    'io.k8s.api.core.v1.PodSpec',
    'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector',
    'io.k8s.apimachinery.pkg.api.resource.Quantity',
    'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  ]) {
    assert.ok(isJsonObject(schemas) && name in schemas, name);
  }
});

test('merge keys, formats and descriptions are kept, our own keywords are not', () => {
  const containers = at(
    documentOf(''),
    'components',
    'schemas',
    'io.k8s.api.core.v1.PodSpec',
    'properties',
    'containers',
  );
  assert.deepEqual(containers, {
    type: 'array',
    items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
    description: 'the containers; at least one',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
  const text = JSON.stringify(documentOf(''));
  for (const keyword of ['"pb"', '"x-name"', '"x-format"', '"x-description"']) assert.ok(!text.includes(keyword));
});

for (const group of ['', 'apps', 'coordination.k8s.io', 'certificates.k8s.io', 'bramble.dev']) {
  test(`every reference in the document of "${group}" is answered`, () => {
    const document = documentOf(group);
    const schemas = at(document, 'components', 'schemas');
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    for (const [, name = ''] of references) assert.ok(isJsonObject(schemas) && name in schemas, name);
  });
}

test('kubectl finds out that PATCH of a kind takes fieldValidation', () => {
  const patch = at(documentOf('apps'), 'paths', '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'patch');
  assert.equal(at(patch, 'x-kubernetes-action'), 'patch');
  assert.equal(at(patch, 'operationId'), 'patchAppsV1NamespacedDeployment');
  const gvk = { group: 'apps', kind: 'Deployment', version: 'v1' };
  assert.deepEqual(at(patch, 'x-kubernetes-group-version-kind'), gvk);
  const names = JSON.stringify(at(patch, 'parameters'));
  assert.ok(names.includes('"fieldValidation"') && names.includes('"dryRun"'));
});

test('the scale subresource is about another kind', () => {
  const path = '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale';
  const gvk = { group: 'autoscaling', kind: 'Scale', version: 'v1' };
  assert.deepEqual(at(documentOf('apps'), 'paths', path, 'put', 'x-kubernetes-group-version-kind'), gvk);
});
