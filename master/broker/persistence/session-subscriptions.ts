/** What persistent sessions subscribed to, by client and by topic. */
import { TopicTrie } from '../topic-trie.ts';

/** Members beyond topic and QoS are MQTT 5's; they are kept as they came. */
export interface SubscriptionRecord {
  topic: string;
  qos: number;
  rh?: number;
  rap?: boolean;
  nl?: boolean;
  subscriptionIdentifier?: number;
}

export interface TopicSubscription extends SubscriptionRecord {
  clientId: string;
}

/** Topics whose subscriptions are remembered: most messages come on few topics. */
const MAX_REMEMBERED_TOPICS = 2_048;

export class SessionSubscriptions {
  readonly #byClient = new Map<string, Map<string, SubscriptionRecord>>();
  /** Of QoS 1 and 2: what nothing is queued for needs no search. */
  readonly #byTopic = new TopicTrie<TopicSubscription>();
  readonly #queued = new Map<string, TopicSubscription>();
  /** Emptied with each change. */
  readonly #remembered = new Map<string, readonly TopicSubscription[]>();

  get clients(): number {
    return this.#byClient.size;
  }

  get queuedSubscriptions(): number {
    return this.#queued.size;
  }

  add(clientId: string, subscriptions: readonly SubscriptionRecord[]): void {
    const own = this.#byClient.get(clientId) ?? new Map<string, SubscriptionRecord>();
    this.#byClient.set(clientId, own);
    for (const subscription of subscriptions) {
      this.#forget(clientId, subscription.topic);
      const { topic, qos, rh, rap, nl, subscriptionIdentifier } = subscription;
      const record = { topic, qos, ...withoutUndefined({ rh, rap, nl }) };
      own.set(topic, { ...record, ...withoutUndefined({ subscriptionIdentifier }) });
      if (qos > 0) this.#remember({ ...record, clientId });
    }
  }

  remove(clientId: string, filters: readonly string[]): void {
    const own = this.#byClient.get(clientId);
    for (const filter of filters) {
      this.#forget(clientId, filter);
      own?.delete(filter);
    }
    if (own?.size === 0) this.#byClient.delete(clientId);
  }

  of(clientId: string): SubscriptionRecord[] {
    return [...(this.#byClient.get(clientId)?.values() ?? [])];
  }

  matching(topic: string): readonly TopicSubscription[] {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known;
    const found = this.#byTopic.match(topic);
    if (this.#remembered.size >= MAX_REMEMBERED_TOPICS) this.#remembered.clear();
    this.#remembered.set(topic, found);
    return found;
  }

  clientsOf(filter: string): string[] {
    return [...this.#byClient].filter(([, own]) => own.has(filter)).map(([clientId]) => clientId);
  }

  #remember(subscription: TopicSubscription): void {
    this.#queued.set(keyOf(subscription.clientId, subscription.topic), subscription);
    this.#byTopic.add(subscription.topic, subscription);
    this.#remembered.clear();
  }

  #forget(clientId: string, filter: string): void {
    const key = keyOf(clientId, filter);
    const known = this.#queued.get(key);
    if (known === undefined) return;
    this.#queued.delete(key);
    this.#byTopic.remove(filter, known);
    this.#remembered.clear();
  }
}

/** No client id holds a slash. */
function keyOf(clientId: string, filter: string): string {
  return `${clientId}/${filter}`;
}

function withoutUndefined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
