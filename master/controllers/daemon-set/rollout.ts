/**
 * The next step of a DaemonSet's roll-out. Pure.
 * Invariant: pods that are available are given up only so far that no more than maxUnavailable nodes lack one; no more than
 * maxSurge nodes have a new pod beside an available old one; with surge a node has two pods at most, those that leave included.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { resolveIntOrPercent } from '../../../shared/machinery/int-or-string.ts';
import { hasSurgeRoom, isAvailable, livePods, maxSurge, type PodChanges } from './upkeep.ts';
import { type DaemonSetView, hashOf } from './view.ts';

const NO_CHANGE: PodChanges = { create: [], remove: [] };

/** What a node has to offer to a roll-out. */
interface Candidate {
  node: string;
  /** One more pod would not be too many. */
  hasRoom: boolean;
  current: Pod | undefined;
  old: Pod | undefined;
}

export function computeRollout(view: DaemonSetView): PodChanges {
  const { spec } = view.set;
  if (spec.updateStrategy.type !== 'RollingUpdate') return NO_CHANGE;
  const wanted = view.nodes.filter(({ fit, pods }) => fit.shouldRun || (fit.mayStay && pods.length > 0));
  const candidates = wanted.map((node): Candidate => {
    const live = livePods(node);
    const current = live.find((pod) => hashOf(pod) === view.hash);
    return {
      ...{ node: node.name, hasRoom: hasSurgeRoom(node), current },
      old: live.find((pod) => pod !== current && hashOf(pod) !== view.hash),
    };
  });
  const desired = view.nodes.filter(({ fit }) => fit.shouldRun).length;
  const surge = maxSurge(view.set, desired);
  return surge > 0 ? surgeStep(view, candidates, surge) : replaceStep(view, candidates, desired);
}

function replaceStep(view: DaemonSetView, candidates: readonly Candidate[], desired: number): PodChanges {
  const { rollingUpdate } = view.set.spec.updateStrategy;
  const maxUnavailable = resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? 1, desired, 'up');
  const outdated = candidates.flatMap(({ current, old }) => (current === undefined && old !== undefined ? [old] : []));
  // A pod that is not available is no loss.
  const free = outdated.filter((pod) => !isAvailable(view, pod));
  const unavailable = candidates.filter(({ current, old }) => {
    const pod = current ?? old;
    return pod === undefined || !isAvailable(view, pod);
  });
  const spare = Math.max(0, maxUnavailable - unavailable.length);
  return { create: [], remove: [...free, ...outdated.filter((pod) => isAvailable(view, pod)).slice(0, spare)] };
}

function surgeStep(view: DaemonSetView, candidates: readonly Candidate[], surge: number): PodChanges {
  const remove: Pod[] = [];
  const free: string[] = [];
  const costly: string[] = [];
  let surging = 0;
  for (const { node, hasRoom, current, old } of candidates) {
    if (old === undefined) continue;
    if (current !== undefined && isAvailable(view, current)) remove.push(old);
    else if (current !== undefined) surging += 1;
    else if (!hasRoom) continue;
    else if (isAvailable(view, old)) costly.push(node);
    else free.push(node);
  }
  return { create: [...free, ...costly.slice(0, Math.max(0, surge - surging))], remove };
}
