/** Owner chains: which workload made which, and which pods are whose. Pure. */
import type { PodView, WorkloadView } from '../views/view-types.ts';

/** A workload and how deep it stands below the one that made it. */
export interface Branch {
  workload: WorkloadView;
  depth: number;
}

type Workloads = ReadonlyMap<string, WorkloadView>;

/** The workloads that fit, each below the one that made it; owners of what fits are shown too. */
export function computeTree(
  workloads: Workloads,
  fits: (workload: WorkloadView, key: string) => boolean,
): [string, Branch][] {
  const children = new Map<string, string[]>();
  const roots: string[] = [];
  for (const [key, { owner }] of [...workloads].sort(([a], [b]) => (orderOf(a) < orderOf(b) ? -1 : 1))) {
    if (owner === undefined || !workloads.has(owner)) roots.push(key);
    else children.set(owner, [...(children.get(owner) ?? []), key]);
  }
  return roots.flatMap((root) => branchesOf(root, 0, { workloads, children, fits }));
}

interface Forest {
  workloads: Workloads;
  children: ReadonlyMap<string, readonly string[]>;
  fits(workload: WorkloadView, key: string): boolean;
}

/** Deeper than any real chain; a circle of owners ends here. */
const MAX_DEPTH = 4;

function branchesOf(key: string, depth: number, forest: Forest): [string, Branch][] {
  const workload = forest.workloads.get(key);
  if (workload === undefined || depth > MAX_DEPTH) return [];
  const below = (forest.children.get(key) ?? []).flatMap((child) => branchesOf(child, depth + 1, forest));
  if (below.length === 0 && !forest.fits(workload, key)) return [];
  return [[key, { workload, depth }], ...below];
}

/** By namespace and name: kinds stand side by side. */
function orderOf(key: string): string {
  const [, kind, namespace, name] = key.split('/');
  return `${namespace}/${name}/${kind}`;
}

/** From the root down to the one that made it: `Deployment web`, `ReplicaSet web-5d4`. */
export function ownersOf(owner: string | undefined, workloads: Workloads): [string, WorkloadView][] {
  const chain: [string, WorkloadView][] = [];
  for (let key = owner; key !== undefined && chain.length < MAX_DEPTH; ) {
    const workload = workloads.get(key);
    if (workload === undefined) break;
    chain.unshift([key, workload]);
    key = workload.owner;
  }
  return chain;
}

/** The pods of a workload and of all that it made. */
export function podsOf(key: string, workloads: Workloads, pods: ReadonlyMap<string, PodView>): [string, PodView][] {
  const isBelow = (owner: string | undefined): boolean =>
    owner === key || ownersOf(owner, workloads).some(([ancestor]) => ancestor === key);
  return [...pods].filter(([, pod]) => isBelow(pod.owner));
}
