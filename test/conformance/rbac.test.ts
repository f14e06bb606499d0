/** Rights by roles: defaults, bindings, escalation, impersonation, and what a refusal says. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GROUP, type UserInfo } from '../../master/apiserver/user-info.ts';
import { createClusterRoleAggregation } from '../../master/controllers/cluster-role-aggregation.ts';
import { createClient } from '../../shared/client/create-client.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import {
  type Any,
  type ApiFixture,
  admin,
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  PODS,
  startApi,
} from './api-fixture.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/default/roles`;
const BINDINGS = `${RBAC}/namespaces/default/rolebindings`;
const AUTHORIZATION = '/apis/authorization.k8s.io/v1';

let api: ApiFixture;
before(async () => {
  api = await startApi();
});
after(() => api.stop());

function userOf(name: string, ...groups: string[]): UserInfo {
  return { name, uid: '', groups: [...groups, GROUP.authenticated], extra: {} };
}

function account(name: string, namespace = 'default'): UserInfo {
  return userOf(
    `system:serviceaccount:${namespace}:${name}`,
    'system:serviceaccounts',
    `system:serviceaccounts:${namespace}`,
  );
}

async function create(path: string, name: string, body: JsonObject, user: UserInfo = admin): Promise<Any> {
  const answer = await api.post(path, { metadata: { name }, ...body }, { user });
  await api.clock.settle();
  return answer;
}

const refTo = (kind: 'Role' | 'ClusterRole', name: string) => ({
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
});

async function bind(user: string, kind: 'Role' | 'ClusterRole', role: string): Promise<void> {
  const subjects = [{ kind: 'User', name: user }];
  const { code } = await create(BINDINGS, `${user}-${role}`, { ...refTo(kind, role), subjects });
  assert.equal(code, 201);
}

async function codeOf(
  user: UserInfo,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<number> {
  return (await api.ask(method, path, { user, ...(body === undefined ? {} : { body }) })).code;
}

test('the default roles are there, with their labels, their rules put together', async () => {
  const { body } = await api.get(`${RBAC}/clusterroles`);
  const byName = new Map<string, Any>(body.items.map((role: Any) => [role.metadata.name, role]));
  for (const name of ['cluster-admin', 'admin', 'edit', 'view', 'system:discovery', 'system:basic-user']) {
    assert.equal(byName.get(name)?.metadata.labels['kubernetes.io/bootstrapping'], 'rbac-defaults', name);
  }
  const canEdit = (rule: Any): boolean => rule.resources?.includes('deployments') && rule.verbs.includes('create');
  assert.deepEqual(
    ['view', 'edit', 'admin'].map((name) => byName.get(name).rules.some(canEdit)),
    [false, true, true],
  );
  const bindings = await api.get(`${RBAC}/clusterrolebindings`);
  const names = bindings.body.items.map((binding: Any) => binding.metadata.name);
  assert.deepEqual(names.slice(0, 2), ['cluster-admin', 'system:basic-user']);
});

test('view reads no secrets, edit writes no roles, admin does, all in one namespace', async () => {
  for (const name of ['view', 'edit', 'admin']) await bind(`u-${name}`, 'ClusterRole', name);
  const secrets = '/api/v1/namespaces/default/secrets';
  const tried = async (path: string): Promise<number[]> =>
    Promise.all(['u-view', 'u-edit', 'u-admin'].map((name) => codeOf(userOf(name), 'GET', path)));
  assert.deepEqual(await tried(DEPLOYMENTS), [200, 200, 200]);
  assert.deepEqual(await tried(secrets), [403, 200, 200]);
  assert.deepEqual(await tried(ROLES), [403, 403, 200]);
  assert.deepEqual(await tried('/api/v1/namespaces/kube-system/pods'), [403, 403, 403]);
  assert.deepEqual(await tried('/api/v1/nodes'), [403, 403, 403]);
  assert.equal(await codeOf(userOf('u-edit'), 'POST', CONFIG_MAPS, configMap('by-edit')), 201);
  assert.equal(await codeOf(userOf('u-view'), 'POST', CONFIG_MAPS, configMap('by-view')), 403);
});

test('a service account has no rights until it is bound, and the refusal is upstream’s', async () => {
  const robot = account('robot');
  const refused = await api.get(PODS, { user: robot });
  assert.equal(
    refused.body.message,
    'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  await create(ROLES, 'pod-reader', {
    rules: [{ apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] }],
  });
  const subjects = [{ kind: 'ServiceAccount', name: 'robot', namespace: 'default' }];
  await create(BINDINGS, 'robot', { ...refTo('Role', 'pod-reader'), subjects });
  assert.equal(await codeOf(robot, 'GET', PODS), 200);
  assert.equal(await codeOf(account('robot', 'other'), 'GET', PODS), 403);
  await api.delete(`${BINDINGS}/robot`);
  await api.clock.settle();
  assert.equal(await codeOf(robot, 'GET', PODS), 403);
});

test('a binding to a role that is not there says so', async () => {
  await bind('lost', 'Role', 'nowhere');
  const { body } = await api.get(PODS, { user: userOf('lost') });
  assert.match(body.message, /in the namespace "default": RBAC: role.rbac.authorization.k8s.io "nowhere" not found$/);
});

test('rules by name, by subresource, by path', async () => {
  const rules = [
    { apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'], verbs: ['get', 'delete'] },
    { apiGroups: ['apps'], resources: ['*/scale'], verbs: ['get'] },
    { nonResourceURLs: ['/metrics', '/logs/*'], verbs: ['get'] },
  ];
  await create(`${RBAC}/clusterroles`, 'mixed', { rules });
  await create(`${RBAC}/clusterrolebindings`, 'mixed', {
    ...refTo('ClusterRole', 'mixed'),
    subjects: [{ kind: 'Group', name: 'mixers' }],
  });
  const mixer = userOf('m', 'mixers');
  assert.deepEqual(
    await Promise.all(
      [
        `${CONFIG_MAPS}/mine`,
        `${CONFIG_MAPS}/other`,
        CONFIG_MAPS,
        `${DEPLOYMENTS}/x/scale`,
        `${DEPLOYMENTS}/x`,
        '/metrics',
      ].map((path) => codeOf(mixer, 'GET', path)),
    ),
    [404, 403, 403, 404, 403, 200],
  );
});

test('nobody grants what they do not have', async () => {
  const user = userOf('u-admin');
  const rules = [{ apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['get', 'delete'] }];
  const refused = await create(ROLES, 'sneaky', { rules }, user);
  assert.equal(refused.code, 403);
  assert.equal(
    refused.body.message,
    'roles.rbac.authorization.k8s.io "sneaky" is forbidden: user "u-admin" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
      '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "delete"]}',
  );
  assert.equal((await create(ROLES, 'fair', { rules: [{ ...rules[0], resources: ['pods'] }] }, user)).code, 201);
  const subjects = [{ kind: 'User', name: 'u-admin' }];
  const bound = await create(BINDINGS, 'sneaky', { ...refTo('ClusterRole', 'cluster-admin'), subjects }, user);
  assert.equal(bound.code, 403);
  assert.equal((await create(BINDINGS, 'fair', { ...refTo('ClusterRole', 'view'), subjects }, user)).code, 201);
  const widened = await api.patch(`${ROLES}/fair`, 'merge', { rules }, { user });
  assert.equal(widened.code, 403);
  assert.equal((await api.patch(`${ROLES}/fair`, 'merge', { metadata: { labels: { a: 'b' } } }, { user })).code, 200);
});

test('who may bind a role, or escalate roles, need not have what they allow', async () => {
  await create(`${RBAC}/clusterroles`, 'binder', {
    rules: [
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings', 'roles'], verbs: ['create'] },
      {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['clusterroles'],
        resourceNames: ['edit'],
        verbs: ['bind'],
      },
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['escalate'] },
    ],
  });
  await bind('binder', 'ClusterRole', 'binder');
  const subjects = [{ kind: 'User', name: 'x' }];
  const codes = await Promise.all(
    ['edit', 'admin'].map((name) =>
      create(BINDINGS, `by-binder-${name}`, { ...refTo('ClusterRole', name), subjects }, userOf('binder')),
    ),
  );
  assert.deepEqual(
    codes.map(({ code }) => code),
    [201, 403],
  );
  const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
  assert.equal((await create(ROLES, 'all', { rules }, userOf('binder'))).code, 201);
});

test('acting as somebody else needs the right to', async () => {
  const as = async (user: UserInfo, headers: Record<string, string>): Promise<{ code: number; body: Any }> => {
    const signal = new AbortController().signal;
    const request = {
      method: 'POST' as const,
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      query: {},
      headers,
      body: {},
      signal,
    };
    try {
      const answer = await api.server.handle(request, user);
      return { code: 201, body: answer.type === 'object' ? answer.body : {} };
    } catch (error) {
      return { code: (error as { code: number }).code, body: (error as { status: Any }).status };
    }
  };
  const asJane = await as(admin, {
    'impersonate-user': 'jane',
    'impersonate-group': 'dev, ops',
    'impersonate-extra-team': 'a',
  });
  assert.deepEqual(asJane.body.status.userInfo, {
    username: 'jane',
    groups: ['dev', 'ops', 'system:authenticated'],
    extra: { team: ['a'] },
  });
  const asRobot = await as(userOf('u-edit'), { 'impersonate-user': 'system:serviceaccount:default:robot' });
  assert.equal(asRobot.body.status.userInfo.groups[0], 'system:serviceaccounts');
  const refused = await as(userOf('u-edit'), { 'impersonate-user': 'admin' });
  assert.equal(
    refused.body.message,
    'users "admin" is forbidden: User "u-edit" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
  assert.equal(
    (await as(userOf('u-edit'), { 'impersonate-user': 'u-edit', 'impersonate-group': GROUP.masters })).code,
    403,
  );
  assert.equal((await as(admin, { 'impersonate-group': 'dev' })).code, 400);
});

test('what may I here: the rules of all my roles', async () => {
  const { body } = await api.post(
    `${AUTHORIZATION}/selfsubjectrulesreviews`,
    { spec: { namespace: 'default' } },
    { user: userOf('m', 'mixers') },
  );
  assert.deepEqual(
    body.status.resourceRules.map(({ resources }: Any) => resources),
    [['configmaps'], ['*/scale'], ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['selfsubjectreviews']],
  );
  assert.equal(body.status.incomplete, false);
  assert.ok(body.status.nonResourceRules.some(({ nonResourceURLs }: Any) => nonResourceURLs.includes('/metrics')));
});

test('roles with the label become part of admin, edit and view', async () => {
  const random = seededRandom(1);
  const client = createClient((request) => api.server.handle(request, admin));
  const controller = createClusterRoleAggregation({ client, clock: api.clock, random, logger: silentLogger });
  await controller.start();
  const metadata = { name: 'gadgets', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } };
  const rules = [{ apiGroups: ['x.test'], resources: ['gadgets'], verbs: ['get'] }];
  await api.post(`${RBAC}/clusterroles`, { metadata, rules });
  for (let look = 0; look < 50; look += 1) await api.clock.advance(20);
  for (const name of ['view', 'edit', 'admin']) {
    const { body } = await api.get(`${RBAC}/clusterroles/${name}`);
    assert.ok(
      body.rules.some(({ resources }: Any) => resources?.includes('gadgets')),
      name,
    );
  }
  await controller.stop();
});

test('deciding on certificates needs the right for the signer', async () => {
  const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const pem = '-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n';
  const request = Buffer.from(pem).toString('base64');
  const spec = { request, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
  assert.equal((await create(csrs, 'someone', { spec })).code, 201);
  const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['*'], verbs: ['get', 'update', 'patch'] }];
  await create(`${RBAC}/clusterroles`, 'clerk', { rules });
  const subjects = [{ kind: 'User', name: 'clerk' }];
  await create(`${RBAC}/clusterrolebindings`, 'clerk', { ...refTo('ClusterRole', 'clerk'), subjects });
  const conditions = [{ type: 'Approved', status: 'True', reason: 'ByHand' }];
  const approve = () =>
    api.patch(`${csrs}/someone/approval`, 'merge', { status: { conditions } }, { user: userOf('clerk') });
  const refused = await approve();
  assert.equal(refused.code, 403);
  assert.match(
    refused.body.message,
    /user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"/,
  );
  const approver = 'system:certificates.k8s.io:kube-apiserver-client-approver';
  await create(`${RBAC}/clusterrolebindings`, 'approver', { ...refTo('ClusterRole', approver), subjects });
  assert.equal((await approve()).code, 200);
});

test('what was lost of the defaults comes back at the next start, what was added stays', async () => {
  const path = `${RBAC}/clusterroles/system:basic-user`;
  const own = { apiGroups: ['x.test'], resources: ['gadgets'], verbs: ['get'] };
  assert.equal((await api.patch(path, 'merge', { rules: [own] })).code, 200);
  await api.server.stop();
  const { createApiServer } = await import('../../master/apiserver/api-server.ts');
  const { ALL_KINDS } = await import('../../shared/api/registry.ts');
  const { VERSION } = await import('./api-fixture.ts');
  const options = {
    store: api.store,
    kinds: ALL_KINDS,
    clock: api.clock,
    random: seededRandom(9),
    logger: silentLogger,
    version: VERSION,
  };
  const next = createApiServer(options);
  const revision = api.store.revision();
  await next.start();
  assert.equal(api.store.revision(), revision + 1, 'one write, for what was lost');
  const client = createClient((request) => next.handle(request, admin));
  const { ClusterRoleKind } = await import('../../shared/api/cluster-role.ts');
  const role = await client.get(ClusterRoleKind, { name: 'system:basic-user' });
  assert.deepEqual([role.rules?.length, role.rules?.[0]], [3, own]);
  await next.stop();
});
