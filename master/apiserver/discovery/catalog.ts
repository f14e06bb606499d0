/** Every resource that is served, by group and version, in the order in which discovery lists them. Fixed at start. */
import type { ServedResource } from './served-resource.ts';

export interface ServedVersion {
  group: string;
  version: string;
  resources: readonly ServedResource[];
}

export interface ServedGroup {
  /** `''` is the core group. */
  name: string;
  /** Preferred first. */
  versions: readonly ServedVersion[];
}

/** Upstream's order of groups; a client that sees a name in two groups takes the first. Others follow by alphabet. */
const GROUP_ORDER: readonly string[] = [
  '',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
];

export class Catalog {
  readonly groups: readonly ServedGroup[];
  readonly #byPath = new Map<string, ServedResource>();

  constructor(resources: readonly ServedResource[]) {
    this.groups = groupResources(resources);
    for (const resource of resources) this.#byPath.set(pathOf(resource, resource.plural), resource);
  }

  /** The resource at `/api/v1/<plural>` or `/apis/<group>/<version>/<plural>`. */
  find(groupVersion: { group: string; version: string }, plural: string): ServedResource | undefined {
    return this.#byPath.get(pathOf(groupVersion, plural));
  }

  group(name: string): ServedGroup | undefined {
    return this.groups.find((group) => group.name === name);
  }

  version(group: string, version: string): ServedVersion | undefined {
    return this.group(group)?.versions.find((served) => served.version === version);
  }
}

export function groupVersionOf({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

function pathOf({ group, version }: { group: string; version: string }, plural: string): string {
  return `${group}/${version}/${plural}`;
}

function groupResources(resources: readonly ServedResource[]): ServedGroup[] {
  const byGroup = Map.groupBy(resources, ({ group }) => group);
  const names = [...byGroup.keys()].sort(compareGroups);
  return names.map((name) => ({ name, versions: versionsOf(name, byGroup.get(name) ?? []) }));
}

function versionsOf(group: string, resources: readonly ServedResource[]): ServedVersion[] {
  const byVersion = Map.groupBy(resources, ({ version }) => version);
  const versions = [...byVersion.keys()].sort(compareVersions);
  return versions.map((version) => ({ group, version, resources: sortResources(byVersion.get(version) ?? []) }));
}

function sortResources(resources: readonly ServedResource[]): ServedResource[] {
  return [...resources].sort((a, b) => compareText(a.plural, b.plural));
}

function compareGroups(a: string, b: string): number {
  return rankOf(a) - rankOf(b) || compareText(a, b);
}

function rankOf(group: string): number {
  const rank = GROUP_ORDER.indexOf(group);
  return rank < 0 ? GROUP_ORDER.length : rank;
}

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

/** Stable before beta before alpha, higher numbers first: `v2 v1 v1beta2 v1beta1 v1alpha1`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [versionRank(a), versionRank(b)];
  for (const [index, value] of left.entries()) {
    const difference = (right[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return compareText(a, b);
}

function versionRank(version: string): number[] {
  const [, major, stage, minor] = VERSION.exec(version) ?? [];
  if (major === undefined) return [0, 0, 0];
  const stability = stage === undefined ? 3 : stage === 'beta' ? 2 : 1;
  return [stability, Number(major), Number(minor ?? 0)];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
