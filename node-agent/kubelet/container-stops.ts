/**
 * Stops under way. They run in the background, because a container may take its whole grace period. What the pod wants done
 * before the stop signal comes out of the same grace.
 */
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { type ContainerRuntime, RuntimeError } from '../container-runtime/runtime.ts';

export interface ContainerStopsOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  logger: Logger;
  /** The stop is over, well or not: look at the pod again. */
  onStopped(uid: string): void;
}

export interface ContainerStop {
  uid: string;
  containerId: string;
  graceSeconds: number;
  /** Done before the stop signal, as far as the grace allows; absent: nothing. */
  before?(signal: AbortSignal): Promise<void>;
}

/** Left for the stop signal however long the hook took. Source: pkg/kubelet/kuberuntime, minimumGracePeriodInSeconds. */
const MIN_GRACE_SECONDS = 2;

interface UnderWay {
  graceSeconds: number;
  count: number;
  /** Ends the hook of the present stop. */
  hurry: AbortController;
}

export class ContainerStops {
  readonly #options: ContainerStopsOptions;
  /** Shortest grace by container. */
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: ContainerStopsOptions) {
    this.#options = options;
  }

  /** undefined: no stop is under way. */
  graceSeconds(containerId: string): number | undefined {
    return this.#underWay.get(containerId)?.graceSeconds;
  }

  /** Returns at once. A shorter grace than that of a stop under way takes over; the hook is not begun a second time. */
  begin(stop: ContainerStop): void {
    const { containerId, graceSeconds } = stop;
    const present = this.#underWay.get(containerId);
    const hurry = new AbortController();
    present?.hurry.abort();
    this.#underWay.set(containerId, { graceSeconds, count: (present?.count ?? 0) + 1, hurry });
    void this.#run(present === undefined ? stop : { ...stop, before: undefined }, hurry.signal);
  }

  async #run(
    stop: Omit<ContainerStop, 'before'> & { before?: ContainerStop['before'] | undefined },
    hurry: AbortSignal,
  ) {
    const { runtime, logger, onStopped } = this.#options;
    const { uid, containerId } = stop;
    try {
      await runtime.stopContainer(containerId, await this.#prepare(stop, hurry));
    } catch (error) {
      const level = error instanceof RuntimeError ? 'warn' : 'error';
      logger[level]('stopping a container failed, will retry', { containerId, error });
    }
    const present = this.#underWay.get(containerId);
    if (present === undefined || present.count <= 1) this.#underWay.delete(containerId);
    else this.#underWay.set(containerId, { ...present, count: present.count - 1 });
    onStopped(uid);
  }

  /** Carries out what comes before; the grace that is left, in seconds. */
  async #prepare(
    {
      containerId,
      graceSeconds,
      before,
    }: Pick<ContainerStop, 'containerId' | 'graceSeconds'> & {
      before?: ContainerStop['before'] | undefined;
    },
    hurry: AbortSignal,
  ): Promise<number> {
    if (before === undefined || graceSeconds === 0) return graceSeconds;
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    const late = new AbortController();
    const over = new AbortController();
    const deadline = sleep(clock, graceSeconds * 1000, over.signal).then(() => late.abort());
    deadline.catch(() => undefined);
    await before(AbortSignal.any([hurry, late.signal]));
    over.abort();
    const spentSeconds = Math.round((clock.monotonicMs() - startMs) / 1000);
    const allowed = this.graceSeconds(containerId) ?? graceSeconds;
    return Math.min(allowed, Math.max(MIN_GRACE_SECONDS, allowed - spentSeconds));
  }
}
