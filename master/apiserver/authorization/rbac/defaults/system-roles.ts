/**
 * Roles of everybody, of nodes and of add-ons, and who has them. The master's own components need none: they are members of
 * system:masters. Source: Kubernetes, "Using RBAC Authorization", default roles and role bindings.
 */
import { type PolicyRule, RBAC_GROUP, type Subject } from '../../../../../shared/api/policy-rule.ts';
import { GROUP } from '../../../user-info.ts';
import { type DefaultRole, on, paths, READ, role } from './rule.ts';

const HEALTH = ['/healthz', '/livez', '/readyz'];
const VERSION = ['/version', '/version/'];
const CSR = 'certificates.k8s.io';

function approving(signer: string): PolicyRule {
  return { ...on(CSR, ['signers'], ['approve']), resourceNames: [signer] };
}

export const SYSTEM_ROLES: readonly DefaultRole[] = [
  role('system:discovery', [
    paths('/api', '/api/*', '/apis', '/apis/*', ...HEALTH, '/openapi', '/openapi/*', ...VERSION),
  ]),
  role('system:public-info-viewer', [paths(...HEALTH, ...VERSION)]),
  role('system:monitoring', [paths(...HEALTH.flatMap((path) => [path, `${path}/*`]), '/metrics', '/metrics/slis')]),
  role('system:basic-user', [
    on('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    on('authentication.k8s.io', ['selfsubjectreviews'], ['create']),
  ]),
  role('system:auth-delegator', [
    on('authentication.k8s.io', ['tokenreviews'], ['create']),
    on('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
  ]),
  role('system:kubelet-api-admin', [
    on('', ['nodes'], ['get', 'list', 'watch', 'proxy']),
    on('', ['nodes/log', 'nodes/metrics', 'nodes/proxy', 'nodes/stats'], ['*']),
  ]),
  role('system:node-bootstrapper', [on(CSR, ['certificatesigningrequests'], ['create', 'get', 'list', 'watch'])]),
  role('system:certificates.k8s.io:certificatesigningrequests:nodeclient', [
    on(CSR, ['certificatesigningrequests/nodeclient'], ['create']),
  ]),
  role('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', [
    on(CSR, ['certificatesigningrequests/selfnodeclient'], ['create']),
  ]),
  role('system:certificates.k8s.io:kube-apiserver-client-approver', [approving('kubernetes.io/kube-apiserver-client')]),
  role('system:certificates.k8s.io:kube-apiserver-client-kubelet-approver', [
    approving('kubernetes.io/kube-apiserver-client-kubelet'),
  ]),
  role('system:persistent-volume-provisioner', [
    on('', ['persistentvolumes'], ['create', 'delete', 'get', 'list', 'watch']),
    on('', ['persistentvolumeclaims'], ['get', 'list', 'update', 'watch']),
    on('storage.k8s.io', ['storageclasses'], READ),
    on('', ['events'], ['watch', 'create', 'update', 'patch']),
    on('events.k8s.io', ['events'], ['watch', 'create', 'update', 'patch']),
  ]),
];

export interface DefaultBinding {
  role: string;
  subjects: readonly Subject[];
}

const group = (name: string): Subject => ({ kind: 'Group', apiGroup: RBAC_GROUP, name });

/** Named like their roles. What nodes may do is the node authorizer's to say. */
export const DEFAULT_BINDINGS: readonly DefaultBinding[] = [
  { role: 'cluster-admin', subjects: [group(GROUP.masters)] },
  { role: 'system:discovery', subjects: [group(GROUP.authenticated)] },
  { role: 'system:basic-user', subjects: [group(GROUP.authenticated)] },
  { role: 'system:public-info-viewer', subjects: [group(GROUP.authenticated), group(GROUP.unauthenticated)] },
  { role: 'system:monitoring', subjects: [group('system:monitoring')] },
];
