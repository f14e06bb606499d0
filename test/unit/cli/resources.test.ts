/** Words of the command line and the resources that they mean. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  findResource,
  findResources,
  type Resource,
  renderReference,
  resourceOfObject,
  resourcePath,
} from '../../../cli/api/resources.ts';

function resource(fields: Partial<Resource> & Pick<Resource, 'kind' | 'plural'>): Resource {
  const singular = fields.kind.toLowerCase();
  return {
    group: '',
    version: 'v1',
    singular,
    shortNames: [],
    namespaced: true,
    categories: [],
    verbs: ['list'],
    ...fields,
  };
}

const PODS = resource({ kind: 'Pod', plural: 'pods', shortNames: ['po'], categories: ['all'] });
const NODES = resource({ kind: 'Node', plural: 'nodes', shortNames: ['no'], namespaced: false });
const DEPLOYMENTS = resource({
  group: 'apps',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
});
const ALL = [PODS, NODES, DEPLOYMENTS];

describe('resources', () => {
  for (const word of ['deployments', 'deployment', 'Deployment', 'deploy', 'deployments.apps', 'deploy.apps']) {
    test(word, () => assert.equal(findResource(ALL, word), DEPLOYMENTS));
  }

  test('several, and categories', () => {
    assert.deepEqual(findResources(ALL, 'po,no'), [PODS, NODES]);
    assert.deepEqual(findResources(ALL, 'all'), [PODS, DEPLOYMENTS]);
  });

  test('an unknown word: what is near', () => {
    assert.throws(() => findResource(ALL, 'deploymnets'), {
      message: /no resource type "deploymnets"/,
      hint: /deployments/,
    });
    assert.throws(() => findResource(ALL, 'deploy.batch'), { message: /deploy\.batch/ });
  });

  test('paths and references', () => {
    assert.equal(resourcePath(PODS, 'a b', 'x'), '/api/v1/namespaces/a%20b/pods/x');
    assert.equal(resourcePath(PODS, undefined), '/api/v1/pods');
    assert.equal(resourcePath(NODES, 'default', 'n'), '/api/v1/nodes/n');
    assert.equal(resourcePath(DEPLOYMENTS, 'default'), '/apis/apps/v1/namespaces/default/deployments');
    assert.equal(renderReference(DEPLOYMENTS, 'web'), 'deployment.apps/web');
  });

  test('of a manifest', () => {
    assert.equal(resourceOfObject(ALL, 'apps/v1', 'Deployment'), DEPLOYMENTS);
    assert.throws(() => resourceOfObject(ALL, 'extensions/v1beta1', 'Deployment'), {
      message: /knows no Deployment in version extensions\/v1beta1/,
      hint: /apps\/v1/,
    });
  });
});
