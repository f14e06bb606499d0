/**
 * What other name servers have said, as long as they allow it, and beyond when they are gone: an old answer is better than
 * none (RFC 8767). The same question is asked once however many want to know, so that a loop of name servers ends in itself.
 * Bounded by the bytes it holds; what was not asked for the longest goes first.
 */
import type { Clock } from '../../../shared/platform/clock.ts';
import { listRecords, negativeTtl, withoutOpt } from '../wire/message.ts';
import { type Query, RCODE } from '../wire/query.ts';
import { lowerCase } from './forwarder.ts';

export interface CacheOptions {
  ask(query: Query): Promise<Buffer | undefined>;
  clock: Clock;
  maxBytes?: number;
}

/** An answer, and what to make of the times to live in it. */
export interface Remembered {
  message: Buffer;
  ttl(original: number): number;
}

const MAX_BYTES = 1024 * 1024;
/** What an entry costs beside its message. */
const ENTRY_BYTES = 300;
/** Larger answers are handed on and not kept. */
const MAX_MESSAGE_BYTES = 8 * 1024;

const MAX_TTL_SECONDS = 3_600;
const MAX_NEGATIVE_TTL_SECONDS = 300;

/** RFC 8767, section 5: how old an answer may become, what is said of its future, how long the client waits for a better. */
const MAX_STALE_SECONDS = 86_400;
const STALE_TTL_SECONDS = 30;
const STALE_ANSWER_MS = 1_800;
/** After a failure nobody is asked again for this long about a name of which something is known. */
const FAILURE_PAUSE_MS = 30_000;

/** Questions under way to others; more are answered with a failure at once. */
const MAX_PENDING = 256;

interface Entry {
  message: Buffer;
  storedMs: number;
  ttlSeconds: number;
  /** Nobody is asked before. */
  pauseUntilMs: number;
}

export class DnsCache {
  readonly #options: CacheOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<Buffer | undefined>>();
  #bytes = 0;

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Other servers may say other things: everything is asked for again, and still there when nobody answers. */
  expireAll(): void {
    for (const entry of this.#entries.values()) Object.assign(entry, { ttlSeconds: 0, pauseUntilMs: 0 });
  }

  /** undefined: nobody knows. */
  async resolve(query: Query): Promise<Remembered | undefined> {
    const key = keyOf(query);
    const entry = this.#touch(key);
    const nowMs = this.#options.clock.monotonicMs();
    if (entry !== undefined) {
      const age = (nowMs - entry.storedMs) / 1000;
      if (age < entry.ttlSeconds) return fresh(entry, age);
      if (nowMs < entry.pauseUntilMs) return stale(entry);
    }
    const asked = this.#ask(key, query);
    const answer = entry === undefined ? await asked : await this.#beforeLong(asked);
    if (answer !== undefined && !(entry && isFailure(answer))) return { message: answer, ttl: (original) => original };
    return entry && stale(entry);
  }

  #ask(key: string, query: Query): Promise<Buffer | undefined> {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    if (this.#pending.size >= MAX_PENDING) return Promise.resolve(undefined);
    const asked = this.#options.ask(query).then((answer) => {
      this.#pending.delete(key);
      if (answer === undefined || isFailure(answer)) this.#noteFailure(key);
      return answer && this.#keep(key, answer);
    });
    this.#pending.set(key, asked);
    return asked;
  }

  #noteFailure(key: string): void {
    const entry = this.#entries.get(key);
    if (entry) entry.pauseUntilMs = this.#options.clock.monotonicMs() + FAILURE_PAUSE_MS;
  }

  /** As long as a client that could have an old answer is made to wait. */
  async #beforeLong(asked: Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    const waiting = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.after(STALE_ANSWER_MS, () => waiting.resolve(undefined));
    const answer = await Promise.race([asked, waiting.promise]);
    timer.cancel();
    return answer;
  }

  #keep(key: string, answer: Buffer): Buffer {
    const places = listRecords(answer);
    const message = withoutOpt(answer, places);
    const ttlSeconds = computeTtl(answer);
    if (ttlSeconds === undefined || ttlSeconds <= 0 || message.length > MAX_MESSAGE_BYTES) return message;
    this.#drop(key);
    this.#entries.set(key, { message, storedMs: this.#options.clock.monotonicMs(), ttlSeconds, pauseUntilMs: 0 });
    this.#bytes += message.length + ENTRY_BYTES;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= (this.#options.maxBytes ?? MAX_BYTES)) break;
      this.#drop(oldest);
    }
    return message;
  }

  /** What is asked for becomes the youngest; what is too old to be shown goes. */
  #touch(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const age = (this.#options.clock.monotonicMs() - entry.storedMs) / 1000;
    if (age > entry.ttlSeconds + MAX_STALE_SECONDS) {
      this.#drop(key);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.message.length + ENTRY_BYTES;
  }
}

/** Signatures, and whether they are looked at, make another answer of it. */
function keyOf({ question, edns, checkingDisabled }: Query): string {
  return `${edns?.dnssecOk ? 'd' : ''}${checkingDisabled ? 'c' : ''}:${lowerCase(question).toString('latin1')}`;
}

function fresh({ message }: Entry, age: number): Remembered {
  return { message, ttl: (original) => Math.max(0, Math.floor(original - age)) };
}

function stale({ message }: Entry): Remembered {
  return { message, ttl: () => STALE_TTL_SECONDS };
}

function isFailure(answer: Buffer): boolean {
  const rcode = answer.readUInt16BE(2) & 0xf;
  return rcode !== RCODE.noError && rcode !== RCODE.nameError;
}

/** Seconds that an answer holds; undefined: it is not kept. */
function computeTtl(answer: Buffer): number | undefined {
  if (isFailure(answer)) return undefined;
  const places = listRecords(answer);
  const ttls = places
    .filter(({ section }) => section === 'answer')
    .map(({ ttlOffset }) => answer.readUInt32BE(ttlOffset));
  const isName = (answer.readUInt16BE(2) & 0xf) === RCODE.noError && ttls.length > 0;
  if (isName) return Math.min(MAX_TTL_SECONDS, ...ttls);
  const negative = negativeTtl(answer, places);
  return negative === undefined ? undefined : Math.min(MAX_NEGATIVE_TTL_SECONDS, negative, ...ttls);
}
