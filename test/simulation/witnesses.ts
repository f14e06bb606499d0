/** Named safety properties of workloads, looked at with each write and each start of a container. */
import type { Job } from '../../shared/api/job.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { controllerOf } from '../../shared/machinery/owner-references.ts';
import type { Change, Journal, PodOnBoard, Witness } from './journal.ts';

/** A controller may act by what it saw this long ago: its watch lags, and a request is on its way. */
export const LAG_MS = 2_000;

/** A board is chosen before claims are bound to it, in several steps that are all seen late; the choice stands, as it does in Kubernetes. */
export const CLAIM_LAG_MS = 3 * LAG_MS;

/** Two pods of one name never run at the same time, wherever they are: what a StatefulSet promises. */
export const oneRunsPerName: Witness = {
  onStart: ({ pod, others }) =>
    others
      .filter((other) => other.namespace === pod.namespace && other.name === pod.name)
      .filter((other) => other.uid !== pod.uid || other.board !== pod.board)
      .map((other) => `pod ${pod.name} starts on ${pod.board} while it runs on ${other.board}`),
};

/** A DaemonSet has one pod on a board; a second one only where a roll-out may surge, and while the first one leaves. */
export const oneDaemonPerBoard: Witness = {
  onPod({ current, previous }, journal) {
    if (current === undefined || previous !== undefined) return [];
    const owner = daemonOwner(current);
    const board = targetOf(current);
    if (owner === undefined || board === undefined) return [];
    const there = journal.podsOf(owner.uid).filter((pod) => targetOf(pod) === board && isActive(pod));
    const limit = maySurge(journal, current) ? 2 : 1;
    return complainIf(there.length > limit, `daemon set ${owner.name} has ${there.length} pods for ${board}`);
  },
  onStart({ pod, others }, journal) {
    const owner = journal.ownerOfPod(pod.uid);
    if (owner?.kind !== 'DaemonSet') return [];
    const isSibling = (other: PodOnBoard): boolean =>
      other.board === pod.board && other.uid !== pod.uid && journal.ownerOfPod(other.uid)?.uid === owner.uid;
    const siblings = new Set(others.filter(isSibling).map(({ uid }) => uid));
    const set = [...journal.daemonSets.values()].find(({ metadata }) => metadata.uid === owner.uid);
    const limit = set?.spec.updateStrategy.rollingUpdate?.maxSurge === 0 ? 0 : 1;
    return complainIf(siblings.size > limit, `daemon set ${owner.name} runs ${siblings.size + 1} pods on ${pod.board}`);
  },
};

const TRACKING = 'batch.kubernetes.io/job-tracking';

/**
 * A new pod never brings a Job above its parallelism (none while it is suspended), nor above the completions that are missing;
 * an index is under way once, and not again after it has succeeded.
 */
export function jobWithinBounds(): Witness {
  const bounds = new JobBounds();
  const succeeded = new Map<string, Map<string, string>>();
  return {
    onJob(change, { nowMs }) {
      bounds.note(change, nowMs);
      return [];
    },
    onPod({ current, previous }, journal) {
      const owner = current && controllerOf(current);
      if (current === undefined || owner?.kind !== 'Job') return [];
      const ended = succeeded.get(owner.uid) ?? new Map<string, string>();
      // A pod that was let go by a suspended job, and succeeds while it leaves, did so for nobody: its index runs again.
      const isTracked = current.metadata.finalizers?.includes(TRACKING) ?? false;
      if (current.status.phase === 'Succeeded' && isTracked) ended.set(current.metadata.uid, indexOf(current));
      succeeded.set(owner.uid, ended);
      if (previous !== undefined) return [];
      const active = journal.podsOf(owner.uid).filter(isActive);
      const { parallelism, completions } = bounds.limits(owner.uid, journal.nowMs);
      const index = indexOf(current);
      const same = active.filter((pod) => index !== '' && indexOf(pod) === index);
      const where = `job ${owner.name}`;
      return [
        ...complainIf(active.length > parallelism, `${where} has ${active.length} pods, more than ${parallelism}`),
        ...complainIf(
          active.length + ended.size > completions,
          `${where} has ${active.length} pods and ${ended.size} that succeeded, more than ${completions}`,
        ),
        ...complainIf(same.length > 1, `${where} has index ${index} under way ${same.length} times`),
        ...complainIf(
          index !== '' && [...ended.values()].includes(index),
          `${where} starts index ${index}, which has succeeded`,
        ),
      ];
    },
  };
}

/** What a Job allowed lately: a pod may have been made by what was wanted a moment ago. */
class JobBounds {
  readonly #history = new Map<string, { atMs: number; parallelism: number; completions: number }[]>();

  note({ current, previous }: Change<Job>, nowMs: number): void {
    const uid = (current ?? previous)?.metadata.uid;
    if (uid === undefined || current === undefined) return;
    const { suspend, completions = Number.POSITIVE_INFINITY } = current.spec;
    const parallelism = suspend ? 0 : (current.spec.parallelism ?? 1);
    const known = this.#history.get(uid) ?? [];
    const last = known.at(-1);
    if (last?.parallelism === parallelism && last.completions === completions) return;
    this.#history.set(uid, [...known, { atMs: nowMs, parallelism, completions }]);
  }

  limits(uid: string, nowMs: number): { parallelism: number; completions: number } {
    const known = this.#history.get(uid) ?? [];
    // The newest that is older than the lag was in force within it, and all after it.
    const first = Math.max(
      0,
      known.findLastIndex(({ atMs }) => atMs < nowMs - LAG_MS),
    );
    const valid = known.slice(first);
    return {
      parallelism: Math.max(0, ...valid.map((one) => one.parallelism)),
      completions: Math.max(0, ...valid.map((one) => one.completions)),
    };
  }
}

/** A Job counts an end once: never more than there were, and its counts never go back. */
export function jobCountsOnce(): Witness {
  const ended = new Map<string, { succeeded: Set<string>; failed: Set<string> }>();
  return {
    onPod({ current, previous }) {
      const pod = current ?? previous;
      const owner = pod && controllerOf(pod);
      if (pod === undefined || owner?.kind !== 'Job') return [];
      const ends = ended.get(owner.uid) ?? { succeeded: new Set(), failed: new Set() };
      if (pod.status.phase === 'Succeeded') ends.succeeded.add(pod.metadata.uid);
      else if (pod.status.phase === 'Failed' || pod.metadata.deletionTimestamp) ends.failed.add(pod.metadata.uid);
      ended.set(owner.uid, ends);
      return [];
    },
    onJob({ current, previous }) {
      if (current === undefined) return [];
      const { name, uid } = current.metadata;
      const { succeeded = 0, failed = 0 } = current.status;
      const before = previous?.metadata.uid === uid ? previous.status : {};
      const ends = ended.get(uid) ?? { succeeded: new Set(), failed: new Set() };
      return [
        ...complainIf(
          succeeded > ends.succeeded.size,
          `job ${name} counts ${succeeded} successes of ${ends.succeeded.size}`,
        ),
        ...complainIf(failed > ends.failed.size, `job ${name} counts ${failed} failures of ${ends.failed.size}`),
        ...complainIf(failed < (before.failed ?? 0), `job ${name} forgets failures`),
        ...complainIf(
          succeeded < (before.succeeded ?? 0) && current.spec.completionMode !== 'Indexed',
          `job ${name} forgets successes`,
        ),
      ];
    },
  };
}

const MINUTE_MS = 60_000;

const SCHEDULED = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/**
 * A CronJob never starts a slot twice, whatever the clock does and whatever became of the first job; what holds this through a
 * master that dies between two writes is that the job is named after the slot.
 */
export function slotStartsOnce(): Witness {
  const started = new Map<string, string>();
  return {
    onJob({ current }) {
      const owner = current && controllerOf(current);
      const slot = current?.metadata.annotations?.[SCHEDULED];
      if (current === undefined || owner?.kind !== 'CronJob' || slot === undefined) return [];
      const { uid, name } = current.metadata;
      const id = `${owner.uid} ${Date.parse(slot)}`;
      const first = started.get(id) ?? uid;
      started.set(id, first);
      const expected = `${owner.name}-${Math.floor(Date.parse(slot) / MINUTE_MS)}`;
      return [
        ...complainIf(first !== uid, `cron job ${owner.name} starts ${slot} again as ${name}`),
        ...complainIf(name !== expected, `cron job ${owner.name} calls its job of ${slot} ${name}, not ${expected}`),
      ];
    },
  };
}

/** A pod is bound to a board only that has the labels it wants, and that has not been closed for a while. */
export function onlyFeasibleBoards(): Witness {
  const closedSince = new Map<string, number>();
  return {
    onNode({ current, previous }, { nowMs }) {
      const name = (current ?? previous)?.metadata.name ?? '';
      if (current?.spec.unschedulable !== true) closedSince.delete(name);
      else if (!closedSince.has(name)) closedSince.set(name, nowMs);
      return [];
    },
    onPod({ current, previous }, { nodes, nowMs }) {
      const board = current?.spec.nodeName;
      if (current === undefined || !board || previous?.spec.nodeName === board) return [];
      const labels = nodes.get(board)?.metadata.labels ?? {};
      const wanted = Object.entries(current.spec.nodeSelector ?? {});
      const { name } = current.metadata;
      const lagMs = current.spec.volumes?.some((volume) => volume.persistentVolumeClaim) ? CLAIM_LAG_MS : LAG_MS;
      const isClosed = nowMs - (closedSince.get(board) ?? nowMs) > lagMs && !toleratesClosed(current);
      return [
        ...complainIf(
          wanted.some(([key, value]) => labels[key] !== value),
          `pod ${name} is bound to ${board}, which lacks the labels it wants`,
        ),
        ...complainIf(isClosed, `pod ${name} is bound to ${board}, which is closed`),
      ];
    },
  };
}

export function workloadWitnesses(): Witness[] {
  return [
    oneRunsPerName,
    oneDaemonPerBoard,
    jobWithinBounds(),
    jobCountsOnce(),
    slotStartsOnce(),
    onlyFeasibleBoards(),
  ];
}

function toleratesClosed({ spec }: Pod): boolean {
  return (spec.tolerations ?? []).some(({ key }) => key === 'node.kubernetes.io/unschedulable');
}

function daemonOwner(pod: Pod): { uid: string; name: string } | undefined {
  const owner = controllerOf(pod);
  return owner?.kind === 'DaemonSet' ? owner : undefined;
}

/** Where a daemon's pod is, or is to go: its controller demands one node by name. */
function targetOf({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.[0]?.values?.[0];
}

function maySurge({ daemonSets }: Journal, pod: Pod): boolean {
  const uid = controllerOf(pod)?.uid;
  const set = [...daemonSets.values()].find(({ metadata }) => metadata.uid === uid);
  return set === undefined || set.spec.updateStrategy.rollingUpdate?.maxSurge !== 0;
}

/** Neither ended nor leaving. */
function isActive({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

function indexOf({ metadata }: Pod): string {
  return metadata.annotations?.['batch.kubernetes.io/job-completion-index'] ?? '';
}

function complainIf(wrong: boolean, complaint: string): string[] {
  return wrong ? [complaint] : [];
}
