/**
 * The cluster as the page sees it, kept up to date while somebody looks. It informs itself like every client and tells at
 * most one change a quarter of a second, however much happens.
 */
import { DeploymentKind } from '../../shared/api/deployment.ts';
import { NodeKind } from '../../shared/api/node.ts';
import { NodeSensorsKind } from '../../shared/api/node-sensors.ts';
import { PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { Informer } from '../../shared/client/informer.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { computeDelta, computeView, type Delta, renderEntries } from './view.ts';

export interface FeedOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  onDelta(delta: Delta): void;
}

const DELTA_INTERVAL_MS = 250;

export class Feed implements Component {
  readonly #options: FeedOptions;
  readonly #nodes;
  readonly #sensors;
  readonly #deployments;
  readonly #pods;
  #entries: ReadonlyMap<string, string> = new Map();
  #timer: Timer | undefined;
  #running = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    const { client, clock, random, logger } = options;
    const common = { client, clock, random, logger };
    this.#nodes = new Informer({ ...common, kind: NodeKind });
    this.#sensors = new Informer({ ...common, kind: NodeSensorsKind });
    this.#deployments = new Informer({ ...common, kind: DeploymentKind });
    this.#pods = new Informer({ ...common, kind: PodKind });
  }

  /** Resolves when the first complete view is there. */
  async start(): Promise<void> {
    const informers = this.#informers();
    for (const informer of informers) informer.onChange(() => this.#schedule());
    await startAll(informers);
    await Promise.all(informers.map((informer) => informer.whenSynced()));
    this.#running = true;
    this.#entries = this.#render();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    await stopAll(this.#informers());
  }

  /** Everything, for a reader that has nothing yet. */
  snapshot(): Record<string, unknown> {
    return computeDelta(new Map(), this.#entries).set;
  }

  #informers() {
    return [this.#nodes, this.#sensors, this.#deployments, this.#pods];
  }

  #schedule(): void {
    if (!this.#running || this.#timer !== undefined) return;
    this.#timer = this.#options.clock.after(DELTA_INTERVAL_MS, () => {
      this.#timer = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    const entries = this.#render();
    const delta = computeDelta(this.#entries, entries);
    this.#entries = entries;
    if (Object.keys(delta.set).length > 0 || delta.remove.length > 0) this.#options.onDelta(delta);
  }

  #render(): Map<string, string> {
    const view = computeView({
      nodes: this.#nodes.list(),
      sensors: new Map(this.#sensors.list().map((reading) => [reading.metadata.name, reading])),
      deployments: this.#deployments.list(),
      pods: this.#pods.list(),
    });
    return renderEntries(view);
  }
}
