/**
 * What the node remembers of the API over its own restarts. The kubelet reads it where the API has not been heard yet, and
 * tells it what the API says. Any kind can be kept: pods, what they name, and whatever else a node needs to live alone.
 */
import type { KindRef } from '../../../shared/client/client.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';

export interface KeptObjects {
  /** All of a kind; undefined: nothing is known, not even that there are none. */
  list<T extends KubernetesObject>(kind: KindRef<T>): readonly T[] | undefined;
  /** `{ object: undefined }`: it did not exist; undefined: nothing is known. `key` as of `keyOf`. */
  find<T extends KubernetesObject>(kind: KindRef<T>, key: string): { object: T | undefined } | undefined;
  /** The API shows this object now; undefined: it says that there is none. Returns at once; the disk follows. */
  keep<T extends KubernetesObject>(kind: KindRef<T>, key: string, object: T | undefined): void;
  /** Nobody needs the object any more. */
  forget<T extends KubernetesObject>(kind: KindRef<T>, key: string): void;
  /** Resolves when what was kept and forgotten so far would outlive a power cut, or the disk has refused it. */
  settled(): Promise<void>;
  /** The API has been heard on everything that is needed: what nobody asked for or told since the start goes. */
  forgetUnused(): void;
}

/** For a node that remembers nothing. */
export const NOTHING_KEPT: KeptObjects = {
  list: () => undefined,
  find: () => undefined,
  keep: () => undefined,
  forget: () => undefined,
  settled: () => Promise.resolve(),
  forgetUnused: () => undefined,
};
