/**
 * Tells users what happened to an object, as Events. Recording never waits and never fails the work that is told of: what
 * cannot be written is dropped. An event that repeats raises the count of the one that is there, and many repeats that
 * come together cost one request.
 */

import type { Event } from '../api/event.ts';
import { EventRef } from '../api/kind-refs.ts';
import { isStatusError, type StatusError } from '../machinery/errors.ts';
import { type Clock, formatTime } from '../platform/clock.ts';
import { type Logger, silentLogger } from '../platform/logger.ts';
import { nextInt, type Random } from '../platform/random.ts';
import { apiVersionOf } from '../schema/define-kind.ts';
import type { Draft, KubernetesObject } from '../schema/object-meta.ts';
import type { Client, KindRef, ObjectKey } from './client.ts';
import { Controller, type ReconcileResult } from './controller.ts';

/** What an event is about; every stored object is one. `fieldPath` names a part: `spec.containers{web}`. */
export interface EventSubject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; uid: string; resourceVersion?: string };
  fieldPath?: string;
}

export type EventType = 'Normal' | 'Warning';

export interface EventRecorder {
  /** Returns at once. `reason` is one word in CamelCase, `message` a sentence for people. */
  event(subject: EventSubject, type: EventType, reason: string, message: string): void;
  /** Idempotent; resolves when no request is under way, what still waits is dropped. */
  stop(): Promise<void>;
}

export interface EventRecorderOptions {
  client: Client;
  clock: Clock;
  random: Random;
  /** Who tells: `kubelet`, `default-scheduler`. */
  component: string;
  /** Node of the teller. */
  host?: string;
  logger?: Logger;
  /** Events wait until there was none for so long, so that they are not in the way of what they tell of; at once unless given. */
  quietMs?: number;
}

/** Different events that are remembered for counting; the longest unheard of is forgotten first. */
export const MAX_REMEMBERED_EVENTS = 2_048;

/** Different messages about one object for one reason; further ones share one Event that keeps the latest message. */
export const MAX_SIMILAR_MESSAGES = 10;

/** Writes of one event that may fail before it is dropped. */
const MAX_ATTEMPTS = 4;

/** However much there is to tell, and what goes wrong waits for nothing else. */
export const MAX_QUIET_WAIT_MS = 10_000;

/** Requests under way at the same time. */
const MAX_REQUESTS_IN_FLIGHT = 4;

/** Longest message; Kubernetes' own bound. */
const MAX_MESSAGE_CHARS = 1_024;

/** Leaves room for the suffix in a name of at most 253 characters. */
const MAX_NAME_PREFIX_CHARS = 236;

const COMBINED_PREFIX = '(combined from similar events): ';

interface Entry {
  subject: EventSubject;
  type: EventType;
  reason: string;
  message: string;
  firstMs: number;
  lastMs: number;
  count: number;
  failures: number;
  /** Monotonic time of the first that was not written yet. */
  waitsSinceMs: number | undefined;
  /** What the server holds; absent until the event has been created. */
  stored?: { key: ObjectKey; count: number };
}

/** For objects out of lists, whose items need not say what kind they are. */
export function subjectOf<T extends KubernetesObject>(kind: KindRef<T>, object: T): EventSubject {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: object.metadata };
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #writer: Controller;
  readonly #entries = new Map<string, Entry>();
  readonly #messages = new Map<string, Set<string>>();
  #isRunning = false;
  #lastToldMs = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    const { clock, random, logger = silentLogger } = options;
    this.#writer = new Controller({
      name: 'event-recorder',
      reconcile: (key) => this.#write(key),
      clock,
      random,
      logger,
      concurrency: MAX_REQUESTS_IN_FLIGHT,
    });
  }

  event(subject: EventSubject, type: EventType, reason: string, message: string): void {
    const { clock, quietMs = 0 } = this.#options;
    const nowMs = clock.nowMs();
    const { key, text } = this.#aggregate(subject, { type, reason, message: message.slice(0, MAX_MESSAGE_CHARS) });
    const known = this.#entries.get(key);
    const entry = known ?? {
      subject,
      type,
      reason,
      message: text,
      firstMs: nowMs,
      lastMs: nowMs,
      count: 0,
      failures: 0,
      waitsSinceMs: undefined,
    };
    entry.message = text;
    entry.lastMs = nowMs;
    entry.count += 1;
    entry.waitsSinceMs ??= clock.monotonicMs();
    this.#lastToldMs = clock.monotonicMs();
    remember(this.#entries, key, entry);
    if (!this.#isRunning) void this.#writer.start();
    this.#isRunning = true;
    this.#writer.enqueueAfter(key, quietMs);
  }

  stop(): Promise<void> {
    return this.#writer.stop();
  }

  /** Same object, reason and message make one event; too many messages for one reason make one event together. */
  #aggregate(subject: EventSubject, told: Pick<Entry, 'type' | 'reason' | 'message'>): { key: string; text: string } {
    const { metadata, kind, fieldPath = '' } = subject;
    const group = [kind, metadata.namespace ?? '', metadata.name, metadata.uid, fieldPath, told.type, told.reason];
    const groupKey = group.join('\n');
    const messages = this.#messages.get(groupKey) ?? new Set<string>();
    remember(this.#messages, groupKey, messages);
    if (messages.has(told.message) || messages.size < MAX_SIMILAR_MESSAGES) {
      messages.add(told.message);
      return { key: `${groupKey}\n${told.message}`, text: told.message };
    }
    return { key: groupKey, text: `${COMBINED_PREFIX}${told.message}`.slice(0, MAX_MESSAGE_CHARS) };
  }

  async #write(key: string): Promise<ReconcileResult> {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.stored?.count === entry.count) return {};
    const waitMs = this.#waitMs(entry);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    entry.waitsSinceMs = undefined;
    try {
      if (entry.stored === undefined) await this.#create(entry);
      else await this.#raiseCount(entry, entry.stored);
      entry.failures = 0;
    } catch (error) {
      this.#noteFailure(key, entry, error);
    }
    return {};
  }

  #waitMs({ type, waitsSinceMs }: Entry): number {
    const { clock, quietMs = 0 } = this.#options;
    // Tried again: it has waited.
    if (waitsSinceMs === undefined) return 0;
    const latestMs = waitsSinceMs + (type === 'Warning' ? quietMs : MAX_QUIET_WAIT_MS);
    return Math.min(this.#lastToldMs + quietMs, latestMs) - clock.monotonicMs();
  }

  async #create(entry: Entry): Promise<void> {
    const { client, random, component, host = '' } = this.#options;
    const { count } = entry;
    const created = await client.create(EventRef, renderEvent(entry, { random, component, host }));
    entry.stored = { key: { namespace: namespaceOf(entry.subject), name: created.metadata.name }, count };
  }

  async #raiseCount(entry: Entry, stored: { key: ObjectKey; count: number }): Promise<void> {
    const { count, lastMs, message } = entry;
    const body = { count, lastTimestamp: formatTime(lastMs), message };
    await this.#options.client.patch(EventRef, stored.key, { type: 'merge', body });
    stored.count = count;
  }

  /** An event that the server forgot is told anew; what the server refuses is dropped; the rest is tried again. */
  #noteFailure(key: string, entry: Entry, error: unknown): void {
    const isForgotten = entry.stored !== undefined && isStatusError(error, 'NotFound');
    if (isForgotten) {
      delete entry.stored;
      entry.count = 1;
    }
    entry.failures += 1;
    if (entry.failures >= MAX_ATTEMPTS || (!isForgotten && isStatusError(error) && isRefusal(error))) {
      this.#entries.delete(key);
      return;
    }
    throw error;
  }
}

function isRefusal(error: StatusError): boolean {
  return error.code < 500 && error.reason !== 'TooManyRequests' && error.reason !== 'Conflict';
}

function namespaceOf(subject: EventSubject): string {
  return subject.metadata.namespace ?? 'default';
}

/** Puts `key` last and forgets the first when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED_EVENTS && oldest !== undefined) map.delete(oldest);
}

function renderEvent(entry: Entry, teller: { random: Random; component: string; host: string }): Draft<Event> {
  const { subject, type, reason, message, firstMs, lastMs, count } = entry;
  const { name, uid, resourceVersion } = subject.metadata;
  const namespace = namespaceOf(subject);
  return {
    metadata: { namespace, name: `${name.slice(0, MAX_NAME_PREFIX_CHARS)}.${hexSuffix(teller.random)}` },
    involvedObject: {
      apiVersion: subject.apiVersion,
      kind: subject.kind,
      name,
      ...(subject.metadata.namespace === undefined ? {} : { namespace }),
      uid,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(subject.fieldPath === undefined ? {} : { fieldPath: subject.fieldPath }),
    },
    type,
    reason,
    message,
    count,
    firstTimestamp: formatTime(firstMs),
    lastTimestamp: formatTime(lastMs),
    source: { component: teller.component, ...(teller.host === '' ? {} : { host: teller.host }) },
    reportingComponent: teller.component,
    reportingInstance: teller.host,
  };
}

function hexSuffix(random: Random): string {
  return Array.from({ length: 16 }, () => nextInt(random, 16).toString(16)).join('');
}
