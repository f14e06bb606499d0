/**
 * A controller that does nothing before its informers know the world: with half of the pods known it would make the other
 * half anew. Keys that come earlier wait in its queue.
 */
import { Controller, type ControllerOptions } from '../../shared/client/controller.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';

export interface SyncedControllerOptions extends ControllerOptions {
  informers: readonly { whenSynced(): Promise<void> }[];
}

export class SyncedController implements Component {
  readonly #controller: Controller;
  readonly #informers: SyncedControllerOptions['informers'];
  #isStopped = false;

  constructor(options: SyncedControllerOptions) {
    this.#controller = new Controller(options);
    this.#informers = options.informers;
  }

  enqueue(key: string): void {
    this.#controller.enqueue(key);
  }

  enqueueAfter(key: string, delayMs: number): void {
    this.#controller.enqueueAfter(key, delayMs);
  }

  /** Resolves at once; work begins when the informers are in sync. */
  async start(): Promise<void> {
    void Promise.all(this.#informers.map((informer) => informer.whenSynced())).then(() => {
      if (!this.#isStopped) void this.#controller.start();
    });
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#controller.stop();
  }
}
