/** What the container runtime has of one pod, in order of attempts, and how to ask it. */
import type { ContainerRecord, RuntimeListing, SandboxRecord } from '../../container-runtime/runtime.ts';

export interface ObservedPod {
  /** By attempt, lowest first. */
  sandboxes: readonly SandboxRecord[];
  /** By name, then by attempt, lowest first. */
  containers: readonly ContainerRecord[];
}

export const NOTHING_OBSERVED: ObservedPod = { sandboxes: [], containers: [] };

export function sortObserved({ sandboxes, containers }: RuntimeListing): ObservedPod {
  return {
    sandboxes: [...sandboxes].sort((a, b) => a.attempt - b.attempt),
    containers: [...containers].sort((a, b) => compareText(a.name, b.name) || a.attempt - b.attempt),
  };
}

/** All pods of a listing by UID. */
export function groupByPod(listing: RuntimeListing): Map<string, ObservedPod> {
  const uids = new Set([...listing.sandboxes, ...listing.containers].map(({ pod }) => pod.uid));
  const select = (uid: string): ObservedPod =>
    sortObserved({
      sandboxes: listing.sandboxes.filter(({ pod }) => pod.uid === uid),
      containers: listing.containers.filter(({ pod }) => pod.uid === uid),
    });
  return new Map([...uids].sort().map((uid) => [uid, select(uid)]));
}

/** The sandbox that the pod lives in; undefined when it has to get a new one. */
export function readySandbox({ sandboxes }: ObservedPod): SandboxRecord | undefined {
  const latest = sandboxes.at(-1);
  return latest?.state === 'ready' ? latest : undefined;
}

/** All runs of one container, the latest last. */
export function runsOf({ containers }: ObservedPod, name: string): ContainerRecord[] {
  return containers.filter((record) => record.name === name);
}

export function latestRun(observed: ObservedPod, name: string): ContainerRecord | undefined {
  return runsOf(observed, name).at(-1);
}

export function isEmpty({ sandboxes, containers }: ObservedPod): boolean {
  return sandboxes.length === 0 && containers.length === 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
