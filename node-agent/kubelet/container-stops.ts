/** Stops under way. They run in the background, because a container may take its whole grace period. */
import type { Logger } from '../../shared/platform/logger.ts';
import { type ContainerRuntime, RuntimeError } from '../container-runtime/runtime.ts';

export interface ContainerStopsOptions {
  runtime: ContainerRuntime;
  logger: Logger;
  /** The stop is over, well or not: look at the pod again. */
  onStopped(uid: string): void;
}

export class ContainerStops {
  readonly #options: ContainerStopsOptions;
  /** Shortest grace by container. */
  readonly #underWay = new Map<string, { graceSeconds: number; count: number }>();

  constructor(options: ContainerStopsOptions) {
    this.#options = options;
  }

  /** undefined: no stop is under way. */
  graceSeconds(containerId: string): number | undefined {
    return this.#underWay.get(containerId)?.graceSeconds;
  }

  /** Returns at once. A shorter grace than that of a stop under way takes over. */
  begin(uid: string, containerId: string, graceSeconds: number): void {
    const present = this.#underWay.get(containerId);
    this.#underWay.set(containerId, { graceSeconds, count: (present?.count ?? 0) + 1 });
    void this.#run(uid, containerId, graceSeconds);
  }

  async #run(uid: string, containerId: string, graceSeconds: number): Promise<void> {
    const { runtime, logger, onStopped } = this.#options;
    try {
      await runtime.stopContainer(containerId, graceSeconds);
    } catch (error) {
      const level = error instanceof RuntimeError ? 'warn' : 'error';
      logger[level]('stopping a container failed, will retry', { containerId, error });
    }
    const present = this.#underWay.get(containerId);
    if (present === undefined || present.count <= 1) this.#underWay.delete(containerId);
    else this.#underWay.set(containerId, { ...present, count: present.count - 1 });
    onStopped(uid);
  }
}
