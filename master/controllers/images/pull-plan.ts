/**
 * Pure: where each node that needs an image gets it. One node of a platform fetches from the registry, the others copy from
 * nodes that have it, a few at a time from each; who copied can be copied from next, so that a hundred nodes take a few
 * rounds. A plan stands until its node asks again: then it has failed, and what failed is not planned for it again.
 */
import type { ImagePeer, ImagePlan, ImagePull } from '../../../shared/api/image-pull.ts';

/** Nodes that copy from one node at the same time: boards have one card and one cable. */
export const MAX_COPIES_A_PEER = 2;

/** Peers that a node may try by itself before it asks again. */
export const MAX_PEERS_A_PLAN = 3;

/** A node that fetches and says nothing for so long is not waited for any more. */
export const STALLED_MS = 120_000;

export interface PullWant {
  pull: ImagePull;
  /** `linux/arm64`: only nodes of the same platform can copy from each other. */
  platform: string;
  isReachable: boolean;
  /** Where this node would hand the image on; undefined: nobody need wait for it. */
  endpoint: { address: string; port: number } | undefined;
  /** When its ImagePull last changed. */
  heardAtMs: number;
}

export interface PullHolder {
  nodeName: string;
  platform: string;
  address: string;
  port: number;
}

export interface PullSituation {
  /** What is not over yet, of one image. */
  wants: readonly PullWant[];
  /** Reachable nodes that have the right content. */
  holders: readonly PullHolder[];
  nowMs: number;
}

/** Only where and from whom; what is known of the image is added by the caller. */
export type PullChoice = Pick<ImagePlan, 'source' | 'peers' | 'waitsFor'>;

/** By the name of the ImagePull; those whose plan stands are not in it. */
export function computePullPlans({ wants, holders, nowMs }: PullSituation): Map<string, PullChoice> {
  const live = wants.filter(({ isReachable }) => isReachable);
  const load = countCopies(live);
  const fetchers = live.filter((want) => isFetching(want) && nowMs - want.heardAtMs < STALLED_MS);
  const choices = new Map<string, PullChoice>();
  for (const want of live.filter(isOpen).sort(comesFirst)) {
    const choice = choose(want, { holders, fetchers, load });
    choices.set(want.pull.metadata.name, choice);
    if (choice.source === 'Registry') fetchers.push(want);
    const [peer] = choice.peers ?? [];
    if (choice.source === 'Peers' && peer !== undefined) load.set(peer.nodeName, (load.get(peer.nodeName) ?? 0) + 1);
  }
  return choices;
}

interface Supply {
  holders: readonly PullHolder[];
  fetchers: readonly PullWant[];
  load: ReadonlyMap<string, number>;
}

function choose({ pull, platform }: PullWant, { holders, fetchers, load }: Supply): PullChoice {
  const { nodeName } = pull.spec;
  const failed = pull.status.failedPeers ?? [];
  const isUsable = (name: string): boolean => name !== nodeName && !failed.includes(name);
  const usable = holders.filter((holder) => holder.platform === platform && isUsable(holder.nodeName));
  const loadOf = (holder: PullHolder): number => load.get(holder.nodeName) ?? 0;
  const byLoad = [...usable].sort(
    (a, b) => loadOf(a) - loadOf(b) || compareNames(spread(a, nodeName), spread(b, nodeName)),
  );
  const free = byLoad.filter((holder) => loadOf(holder) < MAX_COPIES_A_PEER);
  if (free.length > 0) return { source: 'Peers', peers: free.slice(0, MAX_PEERS_A_PLAN).map(asPeer) };
  const [busy] = byLoad;
  if (busy !== undefined) return { source: 'Wait', waitsFor: busy.nodeName };
  const fetcher = fetchers.find(
    (other) => other.platform === platform && other.endpoint !== undefined && isUsable(other.pull.spec.nodeName),
  );
  return fetcher === undefined ? { source: 'Registry' } : { source: 'Wait', waitsFor: fetcher.pull.spec.nodeName };
}

/** Not answered yet, or told to wait: looked at again each time. */
function isOpen({ pull: { status } }: PullWant): boolean {
  const { attempt = 0, plannedAttempt, plan } = status;
  return plannedAttempt !== attempt || plan === undefined || plan.source === 'Wait';
}

function isFetching(want: PullWant): boolean {
  return !isOpen(want) && want.pull.status.plan?.source === 'Registry';
}

function countCopies(wants: readonly PullWant[]): Map<string, number> {
  const load = new Map<string, number>();
  for (const want of wants) {
    const [first] = isOpen(want) ? [] : (want.pull.status.plan?.peers ?? []);
    if (first !== undefined) load.set(first.nodeName, (load.get(first.nodeName) ?? 0) + 1);
  }
  return load;
}

/** Pods before what is fetched ahead, and nodes that can hand the image on before those that cannot; then age, then name. */
function comesFirst(a: PullWant, b: PullWant): number {
  return (
    Number(a.pull.spec.purpose !== 'Pod') - Number(b.pull.spec.purpose !== 'Pod') ||
    Number(a.endpoint === undefined) - Number(b.endpoint === undefined) ||
    compareNames(a.pull.metadata.creationTimestamp, b.pull.metadata.creationTimestamp) ||
    compareNames(a.pull.metadata.name, b.pull.metadata.name)
  );
}

/** An order of the holders that differs from node to node, so that they do not all begin with the same one. */
function spread({ nodeName }: PullHolder, forNode: string): string {
  let hash = 0;
  for (const letter of `${forNode}/${nodeName}`) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0;
  return `${hash.toString(16).padStart(8, '0')}/${nodeName}`;
}

function compareNames(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function asPeer({ nodeName, address, port }: PullHolder): ImagePeer {
  return { nodeName, address, port };
}
