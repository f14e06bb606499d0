/**
 * Which images pods of this node have used, the longest unused first. Only these are ever removed: an engine may hold images of
 * its owner that are none of the node's business. Written down when one is new, not when it is used again: an order that is a
 * little old after a restart costs at most a pull, every write costs the card.
 */
import type { Logger } from '../../../shared/platform/logger.ts';
import type { SmallFile } from './small-file.ts';

/** Beyond this the longest unused is forgotten, and stays on the disk. */
const MAX_IMAGES = 512;

export class ImageLedger {
  readonly #file: SmallFile;
  readonly #logger: Logger;
  /** In order of use. */
  #ids = new Set<string>();
  #writing: Promise<void> = Promise.resolve();

  constructor(file: SmallFile, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  async load(): Promise<void> {
    const text = await this.#file.read().catch((error) => {
      this.#logger.warn('the list of used images cannot be read', { error });
      return undefined;
    });
    const noted = [...this.#ids];
    this.#ids = new Set(parse(text));
    this.use(noted);
  }

  /** These are in use now. */
  use(ids: Iterable<string>): void {
    let isNew = false;
    for (const id of ids) {
      if (!this.#ids.delete(id)) isNew = true;
      this.#ids.add(id);
    }
    for (const id of [...this.#ids].slice(0, Math.max(0, this.#ids.size - MAX_IMAGES))) this.#ids.delete(id);
    if (isNew) this.#save();
  }

  forget(id: string): void {
    if (this.#ids.delete(id)) this.#save();
  }

  longestUnusedFirst(): string[] {
    return [...this.#ids];
  }

  /** Resolves when what is known is on the disk, or could not be written. */
  settled(): Promise<void> {
    return this.#writing;
  }

  #save(): void {
    const text = JSON.stringify([...this.#ids]);
    this.#writing = this.#writing
      .then(() => this.#file.write(text))
      .catch((error) => this.#logger.warn('the list of used images cannot be written', { error }));
  }
}

function parse(text: string | undefined): string[] {
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}
