/**
 * The board is being switched off: says so, lets nobody in, and ends the pods phase by phase, so that they finish their work
 * and are made elsewhere at once. Invariant: a phase begins when the one before it has ended or its time is up, and the whole
 * never takes much longer than the settings allow.
 */
import { PodRef } from '../../../shared/api/kind-refs.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type EventRecorder, type EventSubject, subjectOf } from '../../../shared/client/event-recorder.ts';
import { type Clock, sleep } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { PodEndings } from '../admission/pod-endings.ts';
import { isEmpty, type ObservedPod } from '../pod/observed-pod.ts';
import { NOTHING_GRANTED, type PodEnding, type PodGate } from '../pod/pod-gate.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';
import {
  computeShutdownPhases,
  DEFAULT_SHUTDOWN_SETTINGS,
  endsWithBoard,
  graceSecondsOf,
  type ShutdownPhase,
  type ShutdownSettings,
} from './shutdown-phases.ts';

export interface NodeShutdownOptions {
  settings?: ShutdownSettings | undefined;
  /** All pods that are assigned here, as the API shows them. */
  pods(): readonly Pod[];
  isRunning(uid: string): boolean;
  /** Whether the API shows that the node takes no more pods. */
  isClosed(): boolean;
  /** It has begun. */
  onBegin(): void;
  /** The pod has been given an ending. */
  onEnding(uid: string): void;
  recorder: EventRecorder;
  /** The Node, for events about it. */
  nodeSubject(): EventSubject | undefined;
  clock: Clock;
  logger: Logger;
}

/** How often it is looked whether a phase is over; only while it goes on. */
const LOOK_MS = 100;

/** How long it waits for the master: that no new pod comes, and that it has heard of the pods' ends. */
const MASTER_PATIENCE_MS = 2_000;

/** Kubernetes' words. */
const ENDED = { reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' };
const REJECTED = { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' };

export class NodeShutdown implements PodGate {
  readonly #options: NodeShutdownOptions;
  readonly #settings: ShutdownSettings;
  readonly #endings = new PodEndings();
  #run: Promise<void> | undefined;

  constructor(options: NodeShutdownOptions) {
    this.#options = options;
    this.#settings = options.settings ?? DEFAULT_SHUTDOWN_SETTINGS;
  }

  get isUnderWay(): boolean {
    return this.#run !== undefined;
  }

  /** Ends the pods; the agent goes on until it is stopped. Idempotent. */
  run(): Promise<void> {
    if (this.#settings.gracePeriodSeconds === 0) return Promise.resolve();
    this.#run ??= this.#endAll();
    return this.#run;
  }

  ending(pod: Pod, observed: ObservedPod): PodEnding | undefined {
    const known = this.#endings.get(pod.metadata.uid);
    if (known !== undefined || !this.isUnderWay || !endsWithBoard(pod) || !isEmpty(observed)) return known;
    return this.#end(pod, { ...REJECTED, graceSeconds: undefined, isDisruption: false });
  }

  grant() {
    return NOTHING_GRANTED;
  }

  forget(uid: string): void {
    this.#endings.forget(uid);
  }

  async #endAll(): Promise<void> {
    const { logger, recorder, nodeSubject, isClosed, pods } = this.#options;
    const phases = computeShutdownPhases(pods(), this.#settings);
    logger.info('the board is being switched off', { pods: phases.flatMap((phase) => phase.pods).length });
    const subject = nodeSubject();
    if (subject) recorder.event(subject, 'Normal', 'Shutdown', 'The board is being switched off: its pods end');
    // A turn later, so that whoever asks hears that it is under way.
    await Promise.resolve();
    this.#options.onBegin();
    if (phases.length === 0) return;
    await this.#until(isClosed, MASTER_PATIENCE_MS);
    for (const phase of phases) await this.#endPhase(phase);
    const ended = phases.flatMap((phase) => phase.pods.map(({ metadata }) => metadata.uid));
    await this.#until(() => ended.every((uid) => this.#isToldOf(uid)), MASTER_PATIENCE_MS);
  }

  async #endPhase(phase: ShutdownPhase): Promise<void> {
    const { onEnding, isRunning, logger } = this.#options;
    logger.info('pods end with their board', { phase: phase.name, pods: phase.pods.length, seconds: phase.seconds });
    for (const pod of phase.pods) {
      this.#end(pod, { ...ENDED, graceSeconds: graceSecondsOf(pod, phase), isDisruption: true });
      onEnding(pod.metadata.uid);
    }
    await this.#until(() => phase.pods.every(({ metadata }) => !isRunning(metadata.uid)), phase.seconds * 1000);
  }

  #isToldOf(uid: string): boolean {
    const pod = this.#options.pods().find(({ metadata }) => metadata.uid === uid);
    return pod === undefined || isTerminalPhase(pod.status.phase);
  }

  async #until(isSo: () => boolean, limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + limitMs;
    while (!isSo() && clock.monotonicMs() < endMs) await sleep(clock, LOOK_MS);
  }

  #end(pod: Pod, ending: PodEnding): PodEnding {
    this.#options.recorder.event(subjectOf(PodRef, pod), 'Normal', ending.reason, ending.message);
    return this.#endings.set(pod.metadata.uid, ending);
  }
}
