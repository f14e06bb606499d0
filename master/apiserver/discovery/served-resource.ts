/** What the server offers at one resource path: the material of discovery, of routing and of the answer 405. */

import type { Verb } from '../request/request-info.ts';
import type { AnyKind } from '../storage/api-object.ts';

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

export interface ServedSubresource {
  name: string;
  /** Kind of its bodies; exec and its like name their options. */
  kind: GroupVersionKind;
  verbs: readonly Verb[];
}

export interface ServedResource {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  verbs: readonly Verb[];
  subresources: readonly ServedSubresource[];
  /** Kind whose objects are stored; absent for resources that are computed. */
  stored?: AnyKind;
  /** Kind by which OpenAPI describes what is not stored in this version. */
  described?: AnyKind;
}

/** Verbs of a stored kind, in discovery's alphabetical order. */
const STORED_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

const OBJECT_VERBS: readonly Verb[] = ['get', 'patch', 'update'];

export function servedResourceOf(kind: AnyKind): ServedResource {
  const { group, version, plural, singular, shortNames, categories, namespaced } = kind;
  // Upstream deletes namespaces one by one only, and so do clients that read discovery.
  const verbs = plural === 'namespaces' && group === '' ? without(STORED_VERBS, 'deletecollection') : STORED_VERBS;
  const subresources = [...ownSubresources(kind), ...(EXTRA_SUBRESOURCES[qualifiedName(kind)] ?? [])];
  subresources.sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = { plural, singular, shortNames, categories, namespaced };
  return { group, version, kind: kind.kind, ...names, verbs, subresources, stored: kind };
}

/** `deployments.apps`, `pods`. */
export function qualifiedName({ group, plural }: { group: string; plural: string }): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function without(verbs: readonly Verb[], removed: Verb): Verb[] {
  return verbs.filter((verb) => verb !== removed);
}

function ownSubresources(kind: AnyKind): ServedSubresource[] {
  const { group, version } = kind;
  const own: ServedSubresource[] = [];
  if (kind.subresources.status)
    own.push({ name: 'status', kind: { group, version, kind: kind.kind }, verbs: OBJECT_VERBS });
  if (kind.subresources.scale !== undefined) own.push({ name: 'scale', kind: SCALE, verbs: OBJECT_VERBS });
  return own;
}

const SCALE: GroupVersionKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

const core = (kind: string): GroupVersionKind => ({ group: '', version: 'v1', kind });

/** Subresources that only one kind has, by the resource's qualified name. */
const EXTRA_SUBRESOURCES: Readonly<Record<string, readonly ServedSubresource[]>> = {
  pods: [
    { name: 'attach', kind: core('PodAttachOptions'), verbs: ['create', 'get'] },
    { name: 'binding', kind: core('Binding'), verbs: ['create'] },
    { name: 'ephemeralcontainers', kind: core('Pod'), verbs: OBJECT_VERBS },
    { name: 'eviction', kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] },
    { name: 'exec', kind: core('PodExecOptions'), verbs: ['create', 'get'] },
    { name: 'log', kind: core('Pod'), verbs: ['get'] },
    { name: 'resize', kind: core('Pod'), verbs: OBJECT_VERBS },
    { name: 'portforward', kind: core('PodPortForwardOptions'), verbs: ['create', 'get'] },
  ],
  nodes: [
    { name: 'proxy', kind: core('NodeProxyOptions'), verbs: ['create', 'delete', 'get', 'patch', 'update'] },
    { name: 'reboot', kind: core('Status'), verbs: ['create'] },
    { name: 'shutdown', kind: core('Status'), verbs: ['create'] },
  ],
  namespaces: [{ name: 'finalize', kind: core('Namespace'), verbs: ['update'] }],
  serviceaccounts: [
    {
      name: 'token',
      kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
      verbs: ['create'],
    },
  ],
  'certificatesigningrequests.certificates.k8s.io': [
    {
      name: 'approval',
      kind: { group: 'certificates.k8s.io', version: 'v1', kind: 'CertificateSigningRequest' },
      verbs: OBJECT_VERBS,
    },
  ],
};
