/**
 * Brings pods' statuses to the API server: the latest wanted one of each pod, only when it differs from what the API shows,
 * again and again until it is there. Pods never wait for it, so that they go on while the master is away.
 */
import { PodRef } from '../../shared/api/kind-refs.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { PodCondition } from '../../shared/api/pod-status.ts';
import type { Client } from '../../shared/client/client.ts';
import { Controller } from '../../shared/client/controller.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { jsonEqual } from '../../shared/machinery/json.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { isTerminalPhase } from './pod/pod-view.ts';
import type { OwnedPodStatus } from './status/compute-pod-status.ts';
import { PASSING_CONDITIONS } from './status/pod-conditions.ts';

export interface StatusWriterOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** The pod as the API last showed it; undefined: it is gone. */
  podOf(uid: string): Pod | undefined;
  /**
   * Before it is told that a pod is over. Resolves when the node would not start it again, whatever happens to the node; rejects
   * when nobody would hear it.
   */
  onEnding(pod: Pod): Promise<void>;
  /** The wanted status has arrived. */
  onWritten(uid: string): void;
}

const RETRY: BackoffPolicy = { initialMs: 200, maxMs: 30_000, factor: 2, jitter: 0.2 };
const MAX_PARALLEL_WRITES = 4;

/** The same status is not written more often than this. */
const REPEAT_MS = 10_000;

/** A pod that starts within this time is told of once, when it runs: each write costs the master's card, too. */
const GATHER_MS = 2_000;

/** Fields that stay absent from the wanted status are removed by null, which only these may be. */
const REMOVABLE = [
  'reason',
  'message',
  'podIP',
  'podIPs',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
] as const;

export class StatusWriter implements Component {
  readonly #options: StatusWriterOptions;
  readonly #controller: Controller;
  readonly #wanted = new Map<string, OwnedPodStatus>();
  /** What was written last, and the version of the pod that it was written over: until the informer shows a newer one. */
  readonly #written = new Map<string, { status: OwnedPodStatus; over: string }>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    this.#controller = new Controller({
      name: 'pod-status',
      reconcile: (uid) => this.#write(uid),
      concurrency: MAX_PARALLEL_WRITES,
      backoff: RETRY,
      clock,
      random,
      logger,
    });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  /** Returns at once. */
  set(pod: Pod, status: OwnedPodStatus): void {
    const { uid } = pod.metadata;
    if (this.isShown(pod, status)) {
      this.#wanted.delete(uid);
      return;
    }
    this.#wanted.set(uid, status);
    const written = this.#written.get(uid)?.status;
    // Somebody undid it, or the server cannot show it: never fight about it at full speed.
    if (written !== undefined && jsonEqual(written, status)) this.#controller.enqueueAfter(uid, REPEAT_MS);
    else if (isOnlyBeginning(pod, status)) this.#controller.enqueueAfter(uid, GATHER_MS);
    else this.#controller.enqueue(uid);
  }

  /** Whether the API shows this status. `pod` comes from `overlay`. */
  isShown(pod: Pod, status: OwnedPodStatus): boolean {
    return isUpToDate(pod, status);
  }

  /** The pod with the status that was just written, which the informer may not show yet. */
  overlay(pod: Pod): Pod {
    const written = this.#written.get(pod.metadata.uid);
    if (written === undefined || written.over !== pod.metadata.resourceVersion) return pod;
    return withStatus(pod, written.status);
  }

  /** The pod with its end, if one was told or is about to be, whatever the API shows so far: what is over stays over. */
  withEnd(pod: Pod): Pod {
    const { uid } = pod.metadata;
    const end = [this.#wanted.get(uid), this.#written.get(uid)?.status].find((status) =>
      isTerminalPhase(status?.phase),
    );
    return end === undefined || isTerminalPhase(pod.status.phase) ? pod : withStatus(pod, end);
  }

  forget(uid: string): void {
    this.#wanted.delete(uid);
    this.#written.delete(uid);
  }

  async #write(uid: string): Promise<void> {
    const { client, podOf, onEnding, onWritten } = this.#options;
    const status = this.#wanted.get(uid);
    const pod = podOf(uid);
    if (status === undefined || pod === undefined) {
      this.#wanted.delete(uid);
      return;
    }
    const { namespace, name } = pod.metadata;
    if (isTerminalPhase(status.phase)) await onEnding(this.withEnd(pod));
    // The uid makes sure that a new pod of the same name does not get this one's status.
    const body = { metadata: { uid }, status: renderPatch(status, pod) };
    try {
      await client.patch(PodRef, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
    } catch (error) {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
    this.#written.set(uid, { status, over: pod.metadata.resourceVersion });
    if (this.#wanted.get(uid) === status) this.#wanted.delete(uid);
    onWritten(uid);
  }
}

function withStatus(pod: Pod, status: OwnedPodStatus): Pod {
  const own = new Set([...PASSING_CONDITIONS, ...(status.conditions ?? []).map(({ type }) => type)]);
  const others = (pod.status.conditions ?? []).filter(({ type }) => !own.has(type));
  const removed = Object.fromEntries(REMOVABLE.map((key) => [key, undefined]));
  return {
    ...pod,
    status: { ...pod.status, ...removed, ...status, conditions: [...others, ...(status.conditions ?? [])] },
  };
}

/** Whether all that there is to tell is that the pod has begun and nothing of it has run or failed so far. */
function isOnlyBeginning({ status: shown }: Pod, { phase, ...status }: OwnedPodStatus): boolean {
  if (phase !== 'Pending' || (shown.phase ?? 'Pending') !== 'Pending') return false;
  const { initContainerStatuses = [], containerStatuses = [] } = status;
  return [...initContainerStatuses, ...containerStatuses].every(
    ({ state }) => state?.waiting !== undefined && BEGINNING_REASONS.has(state.waiting.reason ?? ''),
  );
}

const BEGINNING_REASONS: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/** Whether each field that the kubelet owns is already as wanted; conditions of others are none of its business. */
function isUpToDate({ status: shown }: Pod, wanted: OwnedPodStatus): boolean {
  const { conditions = [], ...rest } = wanted;
  const others = shown.conditions ?? [];
  return (
    Object.entries(rest).every(([key, value]) => jsonEqual(Reflect.get(shown, key), value)) &&
    REMOVABLE.every((key) => wanted[key] !== undefined || shown[key] === undefined) &&
    outdatedConditions(conditions, others).length === 0 &&
    conditions.every((condition) =>
      jsonEqual(
        others.find(({ type }) => type === condition.type),
        condition,
      ),
    )
  );
}

/** Types of the kubelet's own passing conditions that are shown and do not hold any more. */
function outdatedConditions(wanted: readonly PodCondition[], shown: readonly PodCondition[] = []): string[] {
  const holding = new Set(wanted.map(({ type }) => type));
  return PASSING_CONDITIONS.filter((name) => !holding.has(name) && shown.some(({ type }) => type === name));
}

/** A strategic merge patch: conditions are merged by type, lists of addresses are replaced as a whole. */
function renderPatch(status: OwnedPodStatus, { status: shown }: Pod): Record<string, unknown> {
  const removed = REMOVABLE.filter((key) => status[key] === undefined).map((key) => [key, null]);
  // A merged condition would keep what the old one said.
  const conditions = [
    ...(status.conditions ?? []).map((condition) => ({ reason: null, message: null, ...condition })),
    ...outdatedConditions(status.conditions ?? [], shown.conditions).map((type) => ({ type, $patch: 'delete' })),
  ];
  return {
    ...status,
    ...Object.fromEntries(removed),
    conditions,
    hostIPs: [...(status.hostIPs ?? []), { $patch: 'replace' }],
    ...(status.podIPs ? { podIPs: [...status.podIPs, { $patch: 'replace' }] } : {}),
  };
}
