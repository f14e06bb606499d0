/**
 * Which pods a node's NoExecute taints drive away, and when. Pure.
 * Source: Kubernetes, "Taint based Evictions": a pod stays as long as the shortest tolerationSeconds of the tolerations
 * that let it stay, counted from the time of the taint; one taint that it does not tolerate drives it away at once.
 */
import type { Node } from '../../../shared/api/node.ts';
import type { Taint } from '../../../shared/api/node-spec.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { TAINT_KEYS, tolerates } from '../../../shared/machinery/taints.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { isPodActive } from '../pod-state.ts';

export interface Evictions {
  due: Pod[];
  /** Milliseconds until the next pod is due; undefined: none waits. */
  nextInMs: number | undefined;
}

/**
 * `isReachable`: its link is up again, is not known yet, or the master doubts itself; nobody has to go because of a taint that
 * says otherwise and will go.
 */
export function computeEvictions(
  node: Node,
  pods: readonly Pod[],
  { nowMs, isReachable = false }: { nowMs: number; isReachable?: boolean },
): Evictions {
  const taints = (node.spec.taints ?? []).filter(
    ({ key, effect }) => effect === 'NoExecute' && !(isReachable && key === TAINT_KEYS.unreachable),
  );
  const evictions: Evictions = { due: [], nextInMs: undefined };
  if (taints.length === 0) return evictions;
  for (const pod of pods.filter(isPodActive)) {
    const inMs = evictionInMs(pod, taints, nowMs);
    if (inMs === undefined) continue;
    if (inMs <= 0) evictions.due.push(pod);
    else evictions.nextInMs = Math.min(inMs, evictions.nextInMs ?? Number.POSITIVE_INFINITY);
  }
  return evictions;
}

/** undefined: the pod may stay for ever. */
function evictionInMs(pod: Pod, taints: readonly Taint[], nowMs: number): number | undefined {
  const limits = taints.map((taint) => limitOf(pod, taint, nowMs)).filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function limitOf(pod: Pod, taint: Taint, nowMs: number): number | undefined {
  const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
  if (matching.length === 0) return 0;
  const seconds = matching.map((toleration) => toleration.tolerationSeconds).filter((value) => value !== undefined);
  if (seconds.length === 0) return undefined;
  const sinceMs = parseTime(taint.timeAdded) ?? nowMs;
  return sinceMs + Math.max(0, Math.min(...seconds)) * 1000 - nowMs;
}
