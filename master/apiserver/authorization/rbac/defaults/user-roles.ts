/**
 * Roles for people and their programs in a namespace: admin, edit and view, each put together from parts, to which the roles
 * of further kinds are added by their labels. Source: Kubernetes, "Using RBAC Authorization", user-facing roles.
 */
import { aggregated, type DefaultRole, on, partOf, READ, READ_WRITE, role, WRITE } from './rule.ts';

const CONNECT = ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'];

const CORE_WRITE = [
  'configmaps',
  'events',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'secrets',
  'serviceaccounts',
  'services',
  'services/proxy',
];

const CORE_READ = [
  'configmaps',
  'endpoints',
  'persistentvolumeclaims',
  'persistentvolumeclaims/status',
  'pods',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'serviceaccounts',
  'services',
  'services/status',
];

const CORE_STATUS = [
  'bindings',
  'events',
  'limitranges',
  'namespaces/status',
  'pods/log',
  'pods/status',
  'replicationcontrollers/status',
  'resourcequotas',
  'resourcequotas/status',
];

const APPS_WRITE = [
  'daemonsets',
  'deployments',
  'deployments/rollback',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
  'statefulsets/scale',
];

const APPS_READ = [
  'controllerrevisions',
  'daemonsets',
  'daemonsets/status',
  'deployments',
  'deployments/scale',
  'deployments/status',
  'replicasets',
  'replicasets/scale',
  'replicasets/status',
  'statefulsets',
  'statefulsets/scale',
  'statefulsets/status',
];

export const USER_ROLES: readonly DefaultRole[] = [
  role('cluster-admin', [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]),
  aggregated('view', 'edit'),
  aggregated('edit', 'admin'),
  aggregated('admin'),
  partOf('admin', 'system:aggregate-to-admin', [
    on('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
    on('rbac.authorization.k8s.io', ['rolebindings', 'roles'], READ_WRITE),
  ]),
  partOf('edit', 'system:aggregate-to-edit', [
    on('', [...CONNECT, 'secrets', 'services/proxy'], READ),
    on('', ['serviceaccounts'], ['impersonate']),
    on('', ['pods', ...CONNECT], WRITE),
    on('', ['pods/eviction'], ['create']),
    on('', CORE_WRITE, WRITE),
    on('', ['serviceaccounts/token'], ['create']),
    on('apps', APPS_WRITE, WRITE),
    on('autoscaling', ['horizontalpodautoscalers'], WRITE),
    on('batch', ['cronjobs', 'jobs'], WRITE),
    on('policy', ['poddisruptionbudgets'], WRITE),
    on('networking.k8s.io', ['ingresses', 'networkpolicies'], WRITE),
    on('coordination.k8s.io', ['leases'], READ_WRITE),
  ]),
  partOf('view', 'system:aggregate-to-view', [
    on('', CORE_READ, READ),
    on('', CORE_STATUS, READ),
    on('', ['namespaces'], READ),
    on('discovery.k8s.io', ['endpointslices'], READ),
    on('apps', APPS_READ, READ),
    on('autoscaling', ['horizontalpodautoscalers', 'horizontalpodautoscalers/status'], READ),
    on('batch', ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status'], READ),
    on('policy', ['poddisruptionbudgets', 'poddisruptionbudgets/status'], READ),
    on('networking.k8s.io', ['ingresses', 'ingresses/status', 'networkpolicies'], READ),
  ]),
  // What pods use, and why they are where they are.
  partOf(['admin', 'edit', 'view'], 'system:aggregated-metrics-reader', [
    on('metrics.k8s.io', ['nodes', 'pods'], ['get', 'list']),
  ]),
  partOf(['admin', 'edit', 'view'], 'bramble:aggregated-placement-reader', [
    on('bramble.dev', ['placements'], ['get']),
  ]),
];
