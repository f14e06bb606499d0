/**
 * Whether the board lost its power: a file says during which boot an agent runs and is removed at a clean end. One that names
 * another boot was left by an agent that never came to its end, and by an engine that did not either. One write a boot.
 */
import type { Logger } from '../../../shared/platform/logger.ts';
import type { SmallFile } from './small-file.ts';

export class BootMarker {
  readonly #file: SmallFile;
  readonly #logger: Logger;
  #isUnclean = false;

  constructor(file: SmallFile, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  /** Whether this boot followed one that ended without warning. Known after `begin`. */
  get isUnclean(): boolean {
    return this.#isUnclean;
  }

  async begin(bootId: string): Promise<void> {
    try {
      const left = (await this.#file.read())?.trim();
      this.#isUnclean = left !== undefined && left !== '' && left !== bootId;
      if (this.#isUnclean) this.#logger.warn('the board was switched off without warning before this boot');
      if (left !== bootId) await this.#file.write(bootId);
    } catch (error) {
      this.#logger.warn('it cannot be told how the last boot ended', { error });
    }
  }

  async end(): Promise<void> {
    await this.#file.remove().catch((error) => this.#logger.warn('the boot could not be marked as ended', { error }));
  }
}
