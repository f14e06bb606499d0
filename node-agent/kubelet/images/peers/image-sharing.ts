/**
 * What this node hands out to other nodes: images of its engine, a few at a time, no faster than it was told, and never when
 * the disk has no room for what the engine writes down first. Everything else about a request is the door's business.
 */
import { type Clock, sleep } from '../../../../shared/platform/clock.ts';
import type { Logger } from '../../../../shared/platform/logger.ts';
import { type ContainerRuntime, type ImageRecord, RuntimeError } from '../../../container-runtime/runtime.ts';
import { PeerError, type PeerImage, type PeerRequest } from './peer-dialer.ts';

export interface ImageSharingOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  logger: Logger;
  /** Free room where the engine keeps its images; undefined: unknown. */
  freeBytes(): Promise<number | undefined>;
  /** Bytes a second to all nodes together; 0: as fast as it goes. */
  limitBytesPerSecond?: number;
}

/** The planner sends as many; one more comes with a copy that broke off and begins again. */
export const MAX_SHARES = 3;

/** Kept free beside the engine's copy of what it hands out. */
const MIN_FREE_BYTES = 128 * 1024 * 1024;

export class ImageSharing {
  readonly #options: ImageSharingOptions;
  #active = 0;
  /** When the next bytes may go out. */
  #nextMs = 0;

  constructor(options: ImageSharingOptions) {
    this.#options = options;
  }

  /** Rejects with PeerError; the bytes throw RuntimeError when the engine fails. */
  async open({ reference, imageId, offset, version, signal }: PeerRequest): Promise<PeerImage> {
    if (this.#active >= MAX_SHARES) throw new PeerError('busy', `${MAX_SHARES} nodes copy from here already`);
    this.#active += 1;
    try {
      const image = await this.#find(reference, imageId);
      await this.#checkRoom(image);
      const exported = await this.#options.runtime.exportImage(image.id, signal);
      const from = exported.version === version ? offset : 0;
      const chunks = this.#release(this.#throttle(skip(exported.chunks, from)));
      return { version: exported.version, offset: from, sizeBytes: exported.sizeBytes, chunks };
    } catch (error) {
      this.#active -= 1;
      if (error instanceof RuntimeError) throw new PeerError('not-found', error.message);
      throw error;
    }
  }

  async #find(reference: string, imageId: string | undefined): Promise<ImageRecord> {
    const { runtime } = this.#options;
    // Not every engine knows images by the digest of their configuration: then the receiver finds out what it got.
    const image =
      (imageId === undefined ? undefined : await runtime.imageStatus(imageId)) ??
      (await runtime.imageStatus(reference));
    if (image === undefined) throw new PeerError('not-found', `this node has no image ${reference}`);
    return image;
  }

  /** The engine makes a copy on disk of what it exports. */
  async #checkRoom({ sizeBytes }: ImageRecord): Promise<void> {
    const freeBytes = await this.#options.freeBytes();
    if (freeBytes === undefined || freeBytes >= sizeBytes + MIN_FREE_BYTES) return;
    throw new PeerError('busy', 'this node has no room to prepare the image');
  }

  async *#throttle(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { clock, limitBytesPerSecond = 0 } = this.#options;
    for await (const chunk of chunks) {
      yield chunk;
      if (limitBytesPerSecond === 0) continue;
      const nowMs = clock.monotonicMs();
      this.#nextMs = Math.max(this.#nextMs, nowMs) + (chunk.length * 1000) / limitBytesPerSecond;
      await sleep(clock, this.#nextMs - nowMs);
    }
  }

  async *#release(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } finally {
      this.#active -= 1;
    }
  }
}

/** Bytes from a place on; what is before is made by the engine and thrown away, which is cheaper than sending it. */
async function* skip(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    const passed = Math.min(left, chunk.length);
    left -= passed;
    if (passed < chunk.length) yield chunk.subarray(passed);
  }
}
