/**
 * Copies of the store: on demand and by the clock, the oldest removed when there are too many. Invariant: a copy under its
 * final name is whole; a cut in the middle leaves those that were there, and a rest that the next start clears away.
 */
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import { formatTime, parseTime } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';

export interface SnapshotInfo {
  /** `20261122t080000z`: when it was taken. */
  name: string;
  takenMs: number;
  bytes: number;
}

/** Where copies lie. Names are file names. */
export interface SnapshotFiles {
  list(): Promise<{ name: string; bytes: number }[]>;
  /** Path for a name; its folder is there. */
  prepare(name: string): Promise<string>;
  /** undefined: there is none of that name. */
  read(name: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** A missing one is fine. */
  remove(name: string): Promise<void>;
}

export interface SnapshotKeeperOptions {
  /** `revision` differs when something has changed that a copy would hold. */
  store: { snapshot(path: string): Promise<void>; revision(): number | string };
  files: SnapshotFiles;
  /** 0: only on demand. */
  intervalMs: number;
  /** How many are kept. */
  keep: number;
  clock: Clock;
  logger: Logger;
}

const SUFFIX = '.db';

/** With what SQLite may have put beside it. */
const PARTIAL = /\.partial(-\w+)?$/;

/** A board that was off is late: it looks this often whether a copy is due. */
const CHECK_INTERVAL_MS = 10 * 60_000;

export class SnapshotKeeper implements Component {
  readonly #options: SnapshotKeeperOptions;
  #timer: Timer | undefined;
  #isStopped = false;
  /** One after the other: two at once would copy the same pages twice. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<() => void>();
  #problem: string | undefined;
  /** Of the latest copy of this process. */
  #revision: number | string | undefined;
  /** Monotonic. */
  #startedMs = 0;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
  }

  /** Why the latest copy failed; undefined: it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Hears of each copy that was taken, or failed. */
  onTaken(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async start(): Promise<void> {
    const { files, clock, logger } = this.#options;
    this.#startedMs = clock.monotonicMs();
    const rests = await files.list().catch(() => []);
    for (const { name } of rests) {
      if (PARTIAL.test(name)) await files.remove(name).catch((error) => logger.warn('a rest stays', { name, error }));
    }
    if (this.#options.intervalMs > 0) this.#arm();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#last.catch(() => undefined);
  }

  /** Newest first. */
  async list(): Promise<SnapshotInfo[]> {
    const found = await this.#options.files.list();
    return found.flatMap(({ name, bytes }) => parseInfo(name, bytes) ?? []).sort((a, b) => b.takenMs - a.takenMs);
  }

  async read(name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    return /^[0-9tz]+$/.test(name) ? this.#options.files.read(`${name}${SUFFIX}`) : undefined;
  }

  /** Rejects with what the store says; then everything is as before. */
  take(): Promise<SnapshotInfo> {
    const taken = this.#last.then(
      () => this.#take(),
      () => this.#take(),
    );
    this.#last = taken;
    return taken;
  }

  async #take(): Promise<SnapshotInfo> {
    const { store, files, clock, logger, keep } = this.#options;
    const [revision, takenMs] = [store.revision(), clock.nowMs()];
    const name = renderName(takenMs);
    try {
      await store.snapshot(await files.prepare(`${name}${SUFFIX}`));
    } catch (error) {
      this.#problem = `the snapshot failed: ${error instanceof Error ? error.message : String(error)}`;
      logger.error('a snapshot failed', { error });
      this.#notify();
      throw error;
    }
    this.#problem = undefined;
    this.#revision = revision;
    this.#notify();
    const all = await this.list();
    // The new one stays, whatever dates the others claim.
    const others = all.filter((one) => one.name !== name);
    for (const old of others.slice(Math.max(keep, 1) - 1)) await files.remove(`${old.name}${SUFFIX}`);
    const info = all.find((one) => one.name === name) ?? { name, takenMs, bytes: 0 };
    logger.info('a snapshot was taken', { name, bytes: info.bytes });
    return info;
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #arm(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(Math.min(CHECK_INTERVAL_MS, this.#options.intervalMs), () => {
      void this.#takeWhenDue()
        .catch(() => undefined)
        .finally(() => this.#arm());
    });
  }

  /** A store in which nothing has changed is not copied again: an idle cluster writes nothing. */
  async #takeWhenDue(): Promise<void> {
    const { clock, intervalMs, store } = this.#options;
    const nowMs = clock.nowMs();
    // A clock that was ahead has left copies of days to come: they do not count.
    const newest = (await this.list()).find(({ takenMs }) => takenMs <= nowMs);
    const ageMs = newest === undefined ? clock.monotonicMs() - this.#startedMs : nowMs - newest.takenMs;
    if (ageMs >= intervalMs && this.#revision !== store.revision()) await this.take();
  }
}

/** Fit for a file and for the name of an object. */
export function renderName(takenMs: number): string {
  return formatTime(takenMs).replaceAll(/[-:]/g, '').toLowerCase();
}

function parseInfo(file: string, bytes: number): SnapshotInfo | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z\.db$/.exec(file) ?? [];
  const takenMs = parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return takenMs === undefined ? undefined : { name: file.slice(0, -SUFFIX.length), takenMs, bytes };
}
