/** Tables and partial metadata, as clients get them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigMap, ConfigMapKind } from '../../../shared/api/config-map.ts';
import { partialObjectMetadata, partialObjectMetadataList, renderTable } from '../../../shared/schema/table.ts';

const NOW = Date.parse('2026-01-31T12:05:00Z');
const map: ConfigMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'web',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: '2026-01-31T12:00:00Z',
  },
  data: { a: '1', b: '2' },
};

test('a table has a row an object and a cell a column', () => {
  const table = renderTable(ConfigMapKind, [map], { nowMs: NOW, metadata: { resourceVersion: '9' } });
  assert.deepEqual(table, {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: '9' },
    columnDefinitions: [
      { name: 'Name', type: 'string', format: 'name', description: 'name of the object', priority: 0 },
      { name: 'Data', type: 'integer', format: '', description: 'number of keys', priority: 0 },
      { name: 'Age', type: 'string', format: '', description: 'time since the object was created', priority: 0 },
    ],
    rows: [
      {
        cells: ['web', 2, '5m'],
        object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: map.metadata },
      },
    ],
  });
});

test('what stands beside the cells is chosen', () => {
  const rowWith = (includeObject: 'None' | 'Object') =>
    renderTable(ConfigMapKind, [map], { nowMs: NOW, includeObject }).rows[0];
  assert.deepEqual(rowWith('None'), { cells: ['web', 2, '5m'] });
  assert.equal(rowWith('Object')?.object, map);
});

test('later events of a watch need no columns', () => {
  const table = renderTable(ConfigMapKind, [map], { nowMs: NOW, withoutColumns: true });
  assert.deepEqual(table.columnDefinitions, []);
  assert.equal(table.rows.length, 1);
});

test('metadata alone, of one object and of a list', () => {
  const one = partialObjectMetadata(map);
  assert.deepEqual(one, { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: map.metadata });
  assert.deepEqual(partialObjectMetadataList([map], { resourceVersion: '9' }), {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: '9' },
    items: [one],
  });
});
