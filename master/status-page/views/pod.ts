/** A pod: the word that kubectl prints, and why it is so. Pure. */
import { summarizePod } from '../../../shared/api/columns/pod.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { ownerOf } from './owner.ts';
import { shorten, shortenMap } from './text.ts';
import type { Level, PodView } from './view-types.ts';

/** Words that pass by themselves. */
const PASSING = new Set(['ContainerCreating', 'PodInitializing', 'Terminating', 'Pending']);
const ENDED = new Set(['Completed', 'Succeeded']);

export function computePod(pod: Pod): PodView {
  const { ready, total, reason, restarts } = summarizePod(pod);
  const { metadata, spec, status } = pod;
  const why = computeWhy(pod);
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    level: computeLevel({ status: reason, isWhole: ready >= total, isUnplaced: isUnplaced(pod) }),
    node: spec.nodeName ?? '',
    status: reason,
    why,
    ready,
    containers: (spec.containers ?? []).map(({ name }) => name),
    restarts,
    ip: status.podIP ?? '',
    owner: ownerOf(metadata),
    labels: shortenMap(metadata.labels),
    createdAt: metadata.creationTimestamp,
  };
}

interface PodFacts {
  status: string;
  isWhole: boolean;
  isUnplaced: boolean;
}

function computeLevel({ status, isWhole, isUnplaced }: PodFacts): Level {
  if (ENDED.has(status)) return 'quiet';
  if (isUnplaced) return 'warning';
  if (status === 'Running') return isWhole ? 'ok' : 'warning';
  if (PASSING.has(status) || /^Init:\d+\/\d+$/.test(status)) return 'quiet';
  return 'problem';
}

/** The scheduler found no board for it. */
function isUnplaced({ status, spec }: Pod): boolean {
  const scheduled = getCondition(status.conditions, 'PodScheduled');
  return !spec.nodeName && scheduled?.status === 'False' && scheduled.reason === 'Unschedulable';
}

/** The first that has something to say: the scheduler, the pod itself, a container that waits or has failed. */
function computeWhy({ status, spec }: Pod): string {
  const scheduled = getCondition(status.conditions, 'PodScheduled');
  if (!spec.nodeName && scheduled?.status === 'False') return shorten(scheduled.message);
  if (status.message) return shorten(status.message);
  for (const { state, lastState } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
    const ended = state.terminated ?? (state.waiting ? lastState?.terminated : undefined);
    const text = state.waiting?.message || (ended && ended.exitCode !== 0 ? ended.message || endOf(ended) : undefined);
    if (text) return shorten(text);
  }
  return '';
}

function endOf({ exitCode, reason }: { exitCode: number; reason?: string }): string {
  return `It ended with code ${exitCode}${reason && reason !== 'Error' ? ` (${reason})` : ''}.`;
}
