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

/**
 * A pod that was over does not begin again, not even on a board that lives from what it remembers, whatever happened in the moment
 * in which its end was stored; unless that board has a card that took nothing.
 */
export function overStaysOver(hasBadCard: (board: string) => boolean): Witness {
  /** The phase that each pod ended with; undefined: its board may have forgotten that. */
  const over = new Map<string, string | undefined>();
  return {
    onPod({ current }) {
      if (current === undefined || !isOver(current) || over.has(current.metadata.uid)) return [];
      over.set(current.metadata.uid, hasBadCard(current.spec.nodeName ?? '') ? undefined : current.status.phase);
      return [];
    },
    onStart({ pod }) {
      const phase = over.get(pod.uid);
      return phase === undefined ? [] : [`pod ${pod.name} starts again, which has ${phase}`];
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

export function nodeWitnesses(hasBadCard: (board: string) => boolean): Witness[] {
  return [startsWhereBound, overStaysOver(hasBadCard), neverSpins()];
}

function isOver({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}
