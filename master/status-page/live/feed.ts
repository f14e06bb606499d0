/**
 * The cluster as the page sees it, kept up to date while somebody looks. It informs itself like every client, computes only
 * the entries of what changed, and tells at most one change a quarter of a second, however much happens.
 */
import { randomBytes } from 'node:crypto';
import type { Client } from '../../../shared/client/client.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { History } from '../history/history.ts';
import type { Recorder } from '../history/recorder.ts';
import { Cluster } from './cluster.ts';
import { DeltaLog } from './delta-log.ts';
import { type Change, EntrySet, renderSet } from './entry-set.ts';

export interface FeedOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  recorder: Pick<Recorder, 'nodes' | 'sensors'>;
  history: History;
  /** The log has grown. */
  onChange(): void;
}

const DELTA_INTERVAL_MS = 250;

/** Entries in one message of the first load. */
const PART_ENTRIES = 400;

export class Feed implements Component {
  /** Another one for each feed: numbers of changes mean something only within it. */
  readonly epoch = randomBytes(6).toString('hex');
  readonly log = new DeltaLog();
  readonly #options: FeedOptions;
  readonly #entries = new EntrySet();
  readonly #cluster: Cluster;
  #timer: Timer | undefined;
  #running = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#cluster = new Cluster({ ...options, mark: (key) => this.#mark(key) });
  }

  /** Resolves when the first complete view is there. */
  async start(): Promise<void> {
    await startAll([this.#cluster]);
    await this.#cluster.whenSynced();
    this.#running = true;
    this.#refresh();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    await stopAll([this.#cluster]);
  }

  /** Something is new of that board. */
  noteBoard(name: string): void {
    this.#cluster.markBoard(name);
  }

  /** Everything, for a reader that has nothing yet, in messages of a bounded size. */
  *parts(): Iterable<string> {
    const entries = [...this.#entries.texts];
    for (let start = 0; start < entries.length; start += PART_ENTRIES) {
      yield `{"type":"part","set":${renderSet(entries.slice(start, start + PART_ENTRIES))}}`;
    }
  }

  #mark(key: string): void {
    this.#entries.mark(key);
    if (!this.#running || this.#timer !== undefined) return;
    this.#timer = this.#options.clock.after(DELTA_INTERVAL_MS, () => {
      this.#timer = undefined;
      const change = this.#refresh();
      if (change !== undefined) this.#tell(change);
    });
  }

  #refresh(): Change | undefined {
    const nowMs = this.#options.clock.nowMs();
    this.#cluster.prepare();
    const change = this.#entries.refresh((key) => this.#cluster.compute(key, nowMs));
    // The verdict is about the entries themselves, so it comes after them.
    this.#entries.mark('verdict');
    const verdict = this.#entries.refresh(() => this.#cluster.computeVerdict(this.#entries));
    if (change === undefined || verdict === undefined) return change ?? verdict;
    return { set: new Map([...change.set, ...verdict.set]), remove: change.remove };
  }

  #tell({ set, remove }: Change): void {
    const nowMs = this.#options.clock.nowMs();
    this.log.append(
      (sequence) =>
        `{"type":"delta","sequence":${sequence},"nowMs":${nowMs},"set":${renderSet(set)},"remove":${JSON.stringify(remove)}}`,
    );
    this.#options.onChange();
  }
}
