/**
 * Removes images until there is enough room: the longest unused first, never one that a pod of this node names, whether its
 * containers run or not, and never one that was not used by a pod here. What the engine still uses for others it refuses.
 */
import type { Logger } from '../../../shared/platform/logger.ts';
import { type ContainerRuntime, type ImageRecord, RuntimeError } from '../../container-runtime/runtime.ts';
import type { ImageLedger } from './image-ledger.ts';

export interface ImageCollectorOptions {
  runtime: ContainerRuntime;
  ledger: ImageLedger;
  /** References of all containers of all pods that are assigned here and have not ended. */
  assigned(): readonly string[];
  /** Images of the containers that there are. */
  inUse(): ReadonlySet<string>;
  logger: Logger;
}

export class ImageCollector {
  readonly #options: ImageCollectorOptions;

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  /** Ids of what was removed. Rejects with RuntimeError when the engine does not answer. */
  async collect(isEnough: () => Promise<boolean>): Promise<string[]> {
    const { runtime, ledger, inUse } = this.#options;
    const present = new Map((await runtime.listImages()).map((image) => [image.id, image]));
    const kept = new Set([...inUse(), ...(await this.#assignedIds())]);
    const removed: string[] = [];
    for (const id of ledger.longestUnusedFirst()) {
      const image = present.get(id);
      if (image === undefined) ledger.forget(id);
      if (image === undefined || kept.has(id)) continue;
      if (await isEnough()) break;
      if (await this.#remove(image)) removed.push(id);
    }
    return removed;
  }

  /** The engine knows best which image a reference means. */
  async #assignedIds(): Promise<string[]> {
    const { runtime, assigned } = this.#options;
    const ids: string[] = [];
    for (const reference of new Set(assigned())) {
      const image = await runtime.imageStatus(reference);
      if (image !== undefined) ids.push(image.id);
    }
    return ids;
  }

  async #remove({ id, references, sizeBytes }: ImageRecord): Promise<boolean> {
    const { runtime, ledger, logger } = this.#options;
    try {
      await runtime.removeImage(id);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.reason === 'unavailable') throw error;
      logger.debug('an image stays', { id, error });
      return false;
    }
    ledger.forget(id);
    logger.info('an unused image was removed', { id, references: references.join(' '), sizeBytes });
    return true;
  }
}
