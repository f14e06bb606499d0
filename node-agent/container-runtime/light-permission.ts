/**
 * Which pods may do without a sandbox container on this machine: those that ask for nothing that takes one, as long as gates work
 * here. That is tried before the first, and learned from those that fail as long as none has come through.
 */
import type { Logger } from '../../shared/platform/logger.ts';
import type { DockerClient } from './docker-client.ts';
import { normalizeArchitecture } from './docker-records.ts';
import type { LightSandbox, LightSandboxes } from './light-sandboxes.ts';
import { pauseArchitecture } from './pause-binary.ts';
import type { SandboxConfig } from './runtime.ts';

export interface LightPermissionOptions {
  docker: DockerClient;
  sandboxes: LightSandboxes;
  logger: Logger;
}

/** So many pods that fail with something else of their own would be strange. */
const MAX_DOUBTED = 3;

export class LightPermission {
  readonly #options: LightPermissionOptions;
  /** Pods that did not come through a gate. */
  readonly #doubted = new Set<string>();
  /** Why no sandbox can do without a container of its own. */
  #problem: string | undefined;
  #prepared: Promise<void> | undefined;

  constructor(options: LightPermissionOptions) {
    this.#options = options;
  }

  /** Once, whoever asks; again where the engine did not answer: then it rejects with a RuntimeError. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#prepare().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  async mayServe({ pod, isSolitary = false, hostNetwork, ports }: SandboxConfig): Promise<boolean> {
    if (!isSolitary || hostNetwork || ports.length > 0) return false;
    await this.prepare();
    return this.#options.sandboxes.isReady && this.#problem === undefined && !this.#doubted.has(pod.uid);
  }

  /** The pod gets a container for its sandbox; when that goes on, all do. */
  doubt({ config }: LightSandbox, why: string): void {
    this.#doubted.add(config.pod.uid);
    this.#options.logger.warn('a pod did not come through its gate', { pod: config.pod, why });
    if (this.#doubted.size >= MAX_DOUBTED) this.#problem = why;
  }

  async #prepare(): Promise<void> {
    const { docker, sandboxes, logger } = this.#options;
    const { Architecture } = await docker.info();
    const architecture = pauseArchitecture(normalizeArchitecture(String(Architecture)));
    if (architecture === undefined) return;
    try {
      await sandboxes.prepare(architecture);
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      logger.warn('each pod gets a container for its sandbox', { why: this.#problem });
    }
  }
}
