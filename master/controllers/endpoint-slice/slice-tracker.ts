/**
 * Slices that were written and are not shown by the informer yet: planning again before it shows them would make the same
 * slice twice. Invariant: what is never shown (somebody was faster) holds a service up for LAG_LIMIT_MS at most.
 */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Clock } from '../../../shared/platform/clock.ts';

const LAG_LIMIT_MS = 1_000;

interface Expected {
  /** By key: the revision that the informer must show, or undefined for a slice that must be gone. */
  slices: Map<string, number | undefined>;
  untilMs: number;
}

export class SliceTracker {
  readonly #clock: Clock;
  readonly #shown: (key: string) => EndpointSlice | undefined;
  readonly #expected = new Map<string, Expected>();

  constructor(clock: Clock, shown: (key: string) => EndpointSlice | undefined) {
    this.#clock = clock;
    this.#shown = shown;
  }

  noteWritten(service: string, slice: EndpointSlice): void {
    this.#expect(service, keyOfSlice(slice), Number(slice.metadata.resourceVersion));
  }

  noteDeleted(service: string, slice: EndpointSlice): void {
    this.#expect(service, keyOfSlice(slice), undefined);
  }

  /** How long to wait for the informer; 0: it shows everything, or has had its time. */
  lagMs(service: string): number {
    const expected = this.#expected.get(service);
    if (expected === undefined) return 0;
    const leftMs = expected.untilMs - this.#clock.monotonicMs();
    const isShown = [...expected.slices].every(([key, revision]) => this.#isShown(key, revision));
    if (!isShown && leftMs > 0) return leftMs;
    this.#expected.delete(service);
    return 0;
  }

  forget(service: string): void {
    this.#expected.delete(service);
  }

  #expect(service: string, key: string, revision: number | undefined): void {
    const expected = this.#expected.get(service) ?? { slices: new Map(), untilMs: 0 };
    expected.slices.set(key, revision);
    expected.untilMs = this.#clock.monotonicMs() + LAG_LIMIT_MS;
    this.#expected.set(service, expected);
  }

  #isShown(key: string, revision: number | undefined): boolean {
    const shown = this.#shown(key);
    if (revision === undefined) return shown === undefined;
    return shown !== undefined && Number(shown.metadata.resourceVersion) >= revision;
  }
}

function keyOfSlice({ metadata }: EndpointSlice): string {
  return `${metadata.namespace}/${metadata.name}`;
}
