/**
 * Which alerts are firing, over time. Pure but for what it remembers. Invariant: each alert is told in turn as firing and as
 * resolved, however often it is looked at; a thing that is not mentioned any more is gone, and its alert is over.
 */
import { type Alert, type AlertChange, type AlertName, keyOf, PATIENCE, type Patience, type Signal } from './alert.ts';

/** Alerts that are remembered; a cluster where more is wrong has one problem, not so many. */
export const MAX_ALERTS = 1_000;

interface Entry {
  alert: Alert;
  isFiring: boolean;
  /** Since when it has been as it is not told yet: bad while it is not firing, good while it is; monotonic. */
  turnedMs: number | undefined;
}

export interface Now {
  /** Measures how long. */
  monotonicMs: number;
  /** Says when. */
  wallMs: number;
}

export class AlertBook {
  readonly #entries = new Map<string, Entry>();
  readonly #patience: Readonly<Record<AlertName, Patience>>;

  constructor(patience: Partial<Record<AlertName, Patience>> = {}) {
    this.#patience = { ...PATIENCE, ...patience };
  }

  firing(): Alert[] {
    return [...this.#entries.values()].filter(({ isFiring }) => isFiring).map(({ alert }) => alert);
  }

  /** All signals of one look. */
  update(signals: readonly Signal[], now: Now): AlertChange[] {
    const changes: AlertChange[] = [];
    const seen = new Set<string>();
    for (const signal of signals) {
      const key = keyOf(signal);
      seen.add(key);
      const change = this.#take(key, signal, now);
      if (change !== undefined) changes.push(change);
    }
    for (const [key, { alert, isFiring }] of this.#entries) {
      if (seen.has(key)) continue;
      this.#entries.delete(key);
      if (isFiring) changes.push({ type: 'resolved', alert: { ...alert, message: 'it is not there any more' } });
    }
    return changes;
  }

  /** When the next one would turn by time alone; undefined: none would. Monotonic. */
  nextTurnMs(): number | undefined {
    const turns = [...this.#entries.values()].flatMap(({ alert, isFiring, turnedMs }) => {
      if (turnedMs === undefined) return [];
      const { badMs, goodMs } = this.#patience[alert.name];
      return [turnedMs + (isFiring ? goodMs : badMs)];
    });
    return turns.length === 0 ? undefined : Math.min(...turns);
  }

  #take(key: string, signal: Signal, now: Now): AlertChange | undefined {
    const known = this.#entries.get(key);
    if (known === undefined && (signal.level !== 'bad' || this.#entries.size >= MAX_ALERTS)) return undefined;
    const { name, subject, message } = signal;
    const entry = known ?? {
      alert: { name, subject, message, sinceMs: now.wallMs },
      isFiring: false,
      turnedMs: undefined,
    };
    this.#entries.set(key, entry);
    if (signal.level === 'bad' || !entry.isFiring) entry.alert = { ...entry.alert, message };
    return entry.isFiring ? this.#whileFiring(key, entry, signal, now) : this.#whileQuiet(key, entry, signal, now);
  }

  #whileQuiet(key: string, entry: Entry, { level }: Signal, now: Now): AlertChange | undefined {
    if (level !== 'bad') {
      this.#entries.delete(key);
      return undefined;
    }
    entry.turnedMs ??= now.monotonicMs;
    if (now.monotonicMs - entry.turnedMs < this.#patience[entry.alert.name].badMs) return undefined;
    entry.isFiring = true;
    entry.turnedMs = undefined;
    entry.alert = { ...entry.alert, sinceMs: now.wallMs };
    return { type: 'firing', alert: entry.alert };
  }

  #whileFiring(key: string, entry: Entry, { level, message }: Signal, now: Now): AlertChange | undefined {
    if (level !== 'good') {
      entry.turnedMs = undefined;
      return undefined;
    }
    entry.turnedMs ??= now.monotonicMs;
    if (now.monotonicMs - entry.turnedMs < this.#patience[entry.alert.name].goodMs) return undefined;
    this.#entries.delete(key);
    return { type: 'resolved', alert: { ...entry.alert, message } };
  }
}
