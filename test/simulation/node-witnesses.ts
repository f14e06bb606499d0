/** Named safety properties of what boards do by themselves, looked at with each start of a container. */
import type { Pod } from '../../shared/api/pod.ts';
import type { Witness } from './journal.ts';

const MINUTE_MS = 60_000;

/** Two containers of a pod, a few reboots and restarts of the engine within a minute, and room. */
export const MAX_STARTS_A_MINUTE = 16;

/** A container starts only on the board that its pod is bound to: by UID, whatever has its name by now. */
export const startsWhereBound: Witness = {
  onStart({ pod }, { pods }) {
    const known = pods.get(`${pod.namespace}/${pod.name}`);
    if (known?.metadata.uid !== pod.uid || known.spec.nodeName === pod.board) return [];
    return [`pod ${pod.name} starts on ${pod.board} and is bound to ${known.spec.nodeName}`];
  },
};

/** An answer may be under way for so long: a message at the slowest, and once more. */
export const ANSWER_MS = 1_000;

/**
 * A pod that was over does not begin again, not even on a board that lives from what it remembers. Its board cannot know of an
 * end that was stored right before the master died, whose answer never came: to it that did not happen (docs/node-lifecycle.md).
 */
export function overStaysOver(): Witness {
  const endedAtMs = new Map<string, number>();
  const unanswered = new Set<string>();
  return {
    onPod({ current }, { nowMs }) {
      if (current === undefined) return [];
      const { uid } = current.metadata;
      unanswered.delete(uid);
      if (isOver(current) && !endedAtMs.has(uid)) endedAtMs.set(uid, nowMs);
      return [];
    },
    onMasterDeath({ nowMs }) {
      for (const [uid, atMs] of endedAtMs) if (nowMs - atMs <= ANSWER_MS) unanswered.add(uid);
    },
    onStart({ pod }, { pods }) {
      const known = pods.get(`${pod.namespace}/${pod.name}`);
      if (known?.metadata.uid !== pod.uid || !isOver(known) || unanswered.has(pod.uid)) return [];
      return [`pod ${pod.name} starts again, which has ${known.status.phase}`];
    },
  };
}

/** However often containers crash, with a master or without: nobody burns a board's processor by restarting them. */
export function neverSpins(): Witness {
  const starts = new Map<string, number[]>();
  return {
    onStart({ pod }, { nowMs }) {
      const recent = [...(starts.get(pod.uid) ?? []), nowMs].filter((atMs) => atMs > nowMs - MINUTE_MS);
      starts.set(pod.uid, recent);
      if (recent.length <= MAX_STARTS_A_MINUTE) return [];
      return [`pod ${pod.name} on ${pod.board} starts ${recent.length} times in a minute`];
    },
  };
}

export function nodeWitnesses(): Witness[] {
  return [startsWhereBound, overStaysOver(), neverSpins()];
}

function isOver({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}
