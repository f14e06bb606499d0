/** Order of versions and groups in discovery. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog, compareVersions } from '../../../master/apiserver/discovery/catalog.ts';
import { servedResourceOf } from '../../../master/apiserver/discovery/served-resource.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';

test('versions: stable before beta before alpha, higher first', () => {
  const sorted = ['v1alpha1', 'v1beta1', 'odd', 'v2', 'v1beta2', 'v1', 'v10'].sort(compareVersions);
  assert.deepEqual(sorted, ['v10', 'v2', 'v1', 'v1beta2', 'v1beta1', 'v1alpha1', 'odd']);
});

test('groups: upstream’s order, then the alphabet', () => {
  const groups = new Catalog(ALL_KINDS.map(servedResourceOf)).groups.map(({ name }) => name);
  assert.deepEqual(groups.slice(0, 2), ['', 'apps']);
  assert.equal(groups.at(-1), 'bramble.dev');
});

test('resources are found by group, version and plural', () => {
  const catalog = new Catalog(ALL_KINDS.map(servedResourceOf));
  assert.equal(catalog.find({ group: 'apps', version: 'v1' }, 'deployments')?.kind, 'Deployment');
  assert.equal(catalog.find({ group: '', version: 'v1' }, 'deployments'), undefined);
  assert.equal(catalog.version('apps', 'v2'), undefined);
});
