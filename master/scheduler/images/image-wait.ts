/**
 * Pods with images of which nothing is known yet wait a moment for what the registry says, never longer: their first decision
 * would otherwise be made blindly. Invariant: a pod waits at most once, and at most for the patience.
 */
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { PodInfo } from '../pod-info.ts';
import { type ImageState, neededImages } from './image-state.ts';

/** A little more than the image controller waits for a registry. */
export const IMAGE_PATIENCE_MS = 3_000;

export interface ImageWaitOptions {
  clock: Clock;
  images: ImageState;
  /** 0: nobody asks registries, and nobody waits. */
  patienceMs: number;
  /** The patience of a pod is over that waits for this image. */
  onOver(image: string): void;
}

export class ImageWait {
  readonly #options: ImageWaitOptions;
  /** Pods that have waited or wait, by key: until when. */
  readonly #waits = new Map<string, { uid: string; untilMs: number; timer: Timer }>();

  constructor(options: ImageWaitOptions) {
    this.#options = options;
  }

  mustWait({ key, uid, pod }: PodInfo): boolean {
    const { clock, images, patienceMs, onOver } = this.#options;
    if (patienceMs === 0) return false;
    const nowMs = clock.monotonicMs();
    const wait = this.#waits.get(key);
    if (wait?.uid === uid && nowMs >= wait.untilMs) return false;
    const unheardOf = neededImages(pod).find((image) => images.isUnheardOf(image));
    if (unheardOf === undefined) return false;
    if (wait?.uid === uid) return true;
    wait?.timer.cancel();
    const timer = clock.after(patienceMs, () => onOver(unheardOf.canonical));
    this.#waits.set(key, { uid, untilMs: nowMs + patienceMs, timer });
    return true;
  }

  /** The pod is placed or gone. */
  forget(key: string): void {
    this.#waits.get(key)?.timer.cancel();
    this.#waits.delete(key);
  }

  stop(): void {
    for (const key of [...this.#waits.keys()]) this.forget(key);
  }
}
