/**
 * Life-cycle hooks under way. What comes after a container's start runs in the background and is remembered until it is over;
 * what comes before its stop belongs to the stop. A restart of the agent forgets both: a start is not repeated, a stop is.
 */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { PodEvents } from '../pod-events.ts';
import type { ProbeTools } from '../probes/probe-action.ts';
import { runHook } from './run-hook.ts';

export interface ContainerHooksOptions extends ProbeTools {
  logger: Logger;
  events: PodEvents;
  /** A hook after a start is over, well or not. */
  onOver(uid: string): void;
}

export interface HookSubject {
  pod: Pod;
  container: Container;
  containerId: string;
  podIp: string;
}

export class ContainerHooks {
  readonly #options: ContainerHooksOptions;
  readonly #starting = new Map<string, { uid: string; state: 'running' | 'failed'; abort: AbortController }>();

  constructor(options: ContainerHooksOptions) {
    this.#options = options;
  }

  /** undefined: there is none, or it went well. */
  postStart(containerId: string): 'running' | 'failed' | undefined {
    return this.#starting.get(containerId)?.state;
  }

  /** Returns at once. */
  beginPostStart(subject: HookSubject): void {
    const { pod, container, containerId } = subject;
    if (container.lifecycle?.postStart === undefined || this.#starting.has(containerId)) return;
    const abort = new AbortController();
    this.#starting.set(containerId, { uid: pod.metadata.uid, state: 'running', abort });
    void this.#runPostStart(subject, abort);
  }

  /** Resolves when the hook is over, or the signal aborts. */
  async preStop(subject: HookSubject, signal: AbortSignal): Promise<void> {
    const { container } = subject;
    const handler = container.lifecycle?.preStop;
    if (handler === undefined) return;
    const answer = await this.#run(subject, handler, signal);
    if (!answer.ok) this.#tell(subject, 'FailedPreStopHook', 'PreStopHook failed', answer.message);
  }

  forget(uid: string): void {
    for (const [id, entry] of [...this.#starting]) {
      if (entry.uid !== uid) continue;
      entry.abort.abort();
      this.#starting.delete(id);
    }
  }

  stop(): void {
    for (const { abort } of this.#starting.values()) abort.abort();
  }

  async #runPostStart(subject: HookSubject, abort: AbortController): Promise<void> {
    const { container, containerId, pod } = subject;
    const handler = container.lifecycle?.postStart;
    if (handler === undefined) return;
    const answer = await this.#run(subject, handler, abort.signal);
    if (abort.signal.aborted) return;
    if (answer.ok) this.#starting.delete(containerId);
    else {
      this.#starting.set(containerId, { uid: pod.metadata.uid, state: 'failed', abort });
      this.#tell(subject, 'FailedPostStartHook', 'PostStartHook failed', answer.message);
    }
    this.#options.onOver(pod.metadata.uid);
  }

  async #run(subject: HookSubject, handler: Parameters<typeof runHook>[1], signal: AbortSignal) {
    try {
      return await runHook(this.#options, handler, subject, signal);
    } catch (error) {
      this.#options.logger.error('a life-cycle hook broke down', { container: subject.container.name, error });
      return { ok: false as const, message: 'an internal error' };
    }
  }

  #tell({ pod, container }: HookSubject, reason: string, what: string, why: string): void {
    this.#options.events.container(pod, container.name, { type: 'Warning', reason, message: `${what}: ${why}` });
  }
}
