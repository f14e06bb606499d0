/**
 * Copies an image from another node into the engine. A copy that breaks off goes on where it stopped, with the same peer or
 * with another one that has the same version; what the engine gets is checked by its digest, whoever it came from.
 */
import type { ImagePeer } from '../../../shared/api/image-pull.ts';
import { type Clock, sleep } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { type ContainerRuntime, type ImageRecord, RuntimeError } from '../../container-runtime/runtime.ts';
import { type PeerDialer, PeerError, type PeerImage } from './peers/peer-dialer.ts';

export interface ImageCopierOptions {
  runtime: ContainerRuntime;
  dialer: PeerDialer;
  clock: Clock;
  logger: Logger;
}

export interface CopyRequest {
  reference: string;
  digest: string | undefined;
  imageId: string | undefined;
  peers: readonly ImagePeer[];
  onTransfer(doneBytes: number, totalBytes: number, from: string): void;
  signal: AbortSignal;
}

export type CopyResult =
  | { type: 'copied'; image: ImageRecord; from: string }
  /** None of the peers could give it; `why` of the last one. */
  | { type: 'failed'; why: string };

/** A peer that breaks off is asked again this often, each time after a while. */
const MAX_RESUMES_A_PEER = 3;
const RESUME_DELAY_MS = 1_000;

/** Copies from the beginning: another version than before, or something that was not the image. */
const MAX_STARTS = 3;

/** Larger images exist, not for boards. */
const MAX_IMAGE_BYTES = 16 * 1024 ** 3;

export class ImageCopier {
  readonly #options: ImageCopierOptions;

  constructor(options: ImageCopierOptions) {
    this.#options = options;
  }

  /** Rejects only when the engine does not answer or the signal aborts. */
  async copy(request: CopyRequest): Promise<CopyResult> {
    const { runtime, logger } = this.#options;
    const { reference, digest, imageId, signal } = request;
    let peers = [...request.peers];
    let why = 'no node has it';
    for (let start = 0; start < MAX_STARTS && peers.length > 0; start += 1) {
      const copy = new Copy(this.#options, request, peers);
      try {
        const options = { reference, digest, imageId, maxBytes: MAX_IMAGE_BYTES, signal };
        const image = await runtime.importImage(copy.bytes(), options);
        return { type: 'copied', image, from: copy.from };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RuntimeError && error.reason === 'unavailable') throw error;
        why = error instanceof Error ? error.message : String(error);
        logger.debug('a copy of an image failed', { reference, from: copy.from, why });
        // Who gave something wrong, or broke off too often, is not asked again; who has it in another form is.
        peers = peers.filter(({ nodeName }) => !copy.tried.has(nodeName) || copy.otherForm.has(nodeName));
      }
    }
    return { type: 'failed', why };
  }
}

/** One archive, from one peer or, when they have the same version, from several. */
class Copy {
  /** Names of the peers that were asked, and of those among them that have the image in another form than the first. */
  readonly tried = new Set<string>();
  readonly otherForm = new Set<string>();
  from = '';
  readonly #options: ImageCopierOptions;
  readonly #request: CopyRequest;
  readonly #peers: readonly ImagePeer[];
  #offset = 0;
  #version: string | undefined;

  constructor(options: ImageCopierOptions, request: CopyRequest, peers: readonly ImagePeer[]) {
    this.#options = options;
    this.#request = request;
    this.#peers = peers;
  }

  /** All of the archive, or throws PeerError. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    let failure = new PeerError('unreachable', 'there is no node to copy from');
    for (const peer of this.#peers) {
      for (let resumes = 0; resumes <= MAX_RESUMES_A_PEER; resumes += 1) {
        const before = this.#offset;
        try {
          yield* this.#bytesOf(peer);
          return;
        } catch (error) {
          if (!(error instanceof PeerError)) throw error;
          failure = error;
        }
        if (!mayResume(failure, this.#offset > before)) break;
        await sleep(this.#options.clock, RESUME_DELAY_MS, this.#request.signal);
      }
    }
    throw failure;
  }

  async *#bytesOf(peer: ImagePeer): AsyncGenerator<Uint8Array> {
    const { reference, imageId, onTransfer, signal } = this.#request;
    const ask = { reference, imageId, offset: this.#offset, version: this.#version, signal };
    this.tried.add(peer.nodeName);
    const image = await this.#options.dialer.open(peer, ask);
    this.#accept(image, peer);
    this.from = peer.nodeName;
    for await (const chunk of image.chunks) {
      this.#offset += chunk.length;
      onTransfer(this.#offset, Math.max(image.sizeBytes, this.#offset), peer.nodeName);
      yield chunk;
    }
  }

  /** What the engine has read already cannot be taken back. */
  #accept({ version, offset }: PeerImage, { nodeName }: ImagePeer): void {
    if (offset !== this.#offset || (this.#version !== undefined && version !== this.#version)) {
      this.otherForm.add(nodeName);
      throw new PeerError('refused', `node ${nodeName} has the image in another form`);
    }
    this.#version = version;
  }
}

/** A break in the middle is worth another try; a peer that does not answer is tried again only when it got on before. */
function mayResume({ reason }: PeerError, gotOn: boolean): boolean {
  return reason === 'broken' || (reason === 'unreachable' && gotOn);
}
