/** What a request is about, by method and path. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestInfo } from '../../../master/apiserver/request/request-info.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';

type Row = [method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, expected: string];

/** verb group/version resource/subresource namespace name */
const RESOURCES: Row[] = [
  ['GET', '/api/v1/pods', 'list /v1 pods/ - -'],
  ['GET', '/api/v1/namespaces/a/pods', 'list /v1 pods/ a -'],
  ['GET', '/api/v1/namespaces/a/pods/', 'list /v1 pods/ a -'],
  ['GET', '/api/v1/namespaces/a/pods/p', 'get /v1 pods/ a p'],
  ['GET', '/api/v1/namespaces/a/pods/p/log', 'get /v1 pods/log a p'],
  ['POST', '/api/v1/namespaces/a/pods/p/eviction', 'create /v1 pods/eviction a p'],
  ['GET', '/api/v1/namespaces', 'list /v1 namespaces/ - -'],
  ['DELETE', '/api/v1/namespaces/a', 'delete /v1 namespaces/ a a'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update /v1 namespaces/finalize a a'],
  ['PATCH', '/api/v1/namespaces/a/status', 'patch /v1 namespaces/status a a'],
  ['GET', '/api/v1/nodes/n', 'get /v1 nodes/ - n'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments', 'deletecollection apps/v1 deployments/ a -'],
  ['PATCH', '/apis/apps/v1/namespaces/a/deployments/d/scale', 'patch apps/v1 deployments/scale a d'],
  [
    'GET',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode',
    'get rbac.authorization.k8s.io/v1 clusterroles/ - system:node',
  ],
];

test('resources', () => {
  for (const [method, path, expected] of RESOURCES) {
    const info = parseRequestInfo({ method, path, query: {} });
    assert.ok(info.isResource, path);
    const { verb, group, version, resource, subresource, namespace, name } = info;
    assert.equal(`${verb} ${group}/${version} ${resource}/${subresource} ${namespace || '-'} ${name || '-'}`, expected);
  }
});

test('paths that are no resources', () => {
  for (const path of [
    '/',
    '/healthz',
    '/version',
    '/api',
    '/api/v1',
    '/apis',
    '/apis/apps',
    '/apis/apps/v1',
    '/openapi/v3/api/v1',
    '/api/v1/pods/a/b/c',
  ]) {
    assert.deepEqual(parseRequestInfo({ method: 'GET', path, query: {} }), { isResource: false, verb: 'get', path });
  }
});

test('a list becomes a watch by its query, an object does not', () => {
  const query = { watch: ['true'] };
  assert.equal(parseRequestInfo({ method: 'GET', path: '/api/v1/pods', query }).verb, 'watch');
  assert.equal(parseRequestInfo({ method: 'GET', path: '/api/v1/pods', query: { watch: ['false'] } }).verb, 'list');
  assert.equal(parseRequestInfo({ method: 'GET', path: '/api/v1/namespaces/a/pods/p', query }).verb, 'get');
});

test('a path with a broken escape is a bad request', () => {
  assert.throws(
    () => parseRequestInfo({ method: 'GET', path: '/api/v1/nodes/%zz', query: {} }),
    (error) => isStatusError(error, 'BadRequest'),
  );
});
