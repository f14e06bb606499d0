/**
 * Steps between a decoded request and the registry: they complete objects, refuse what the rest of the cluster does not
 * allow, and may look into the store. Each step is small and knows one rule; their order is fixed in chain.ts.
 */
import type { WriteCall } from '../registry/write-call.ts';
import type { ApiObject } from '../storage/api-object.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

export interface AdmissionReview {
  operation: Operation;
  call: WriteCall;
  /** A working copy that steps may change; on a DELETE, and for a subresource's own body, undefined. */
  object?: ApiObject;
  /** The stored object of an UPDATE or DELETE. */
  old?: ApiObject;
  /** Undoes what a step has reserved, when the write does not happen. */
  onAbort(undo: () => void): void;
}

/** Throws StatusError to refuse. */
export type AdmissionStep = (review: AdmissionReview) => void | Promise<void>;

/** What a review reserved, given back together. */
export class Reservations {
  #undos: (() => void)[] = [];

  readonly add = (undo: () => void): void => {
    this.#undos.push(undo);
  };

  release(): void {
    for (const undo of this.#undos.reverse()) undo();
    this.#undos = [];
  }
}

export async function runAdmission(steps: readonly AdmissionStep[], review: AdmissionReview): Promise<void> {
  for (const step of steps) await step(review);
}
