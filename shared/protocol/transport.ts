/** One MQTT session as its owner sees it. Real sessions, the broker's own attachment and the simulation implement it. */

export interface Message {
  topic: string;
  /** UTF-8 JSON, except where the topic's contract says otherwise. */
  payload: Uint8Array;
  retain?: boolean;
  /** Whose session it came from, where the broker itself is asked; absent for messages of the master's own. */
  clientId?: string;
  /** Whether it was published to be retained; said where the broker itself is asked. */
  keep?: boolean;
}

export interface PublishOptions {
  qos?: 0 | 1;
  retain?: boolean;
  /** Whom the message came from, where the broker itself publishes for somebody: its `clientId` for those who ask. */
  origin?: string;
}

export interface Transport {
  /** Resolves when handed over (QoS 0) or acknowledged (QoS 1); rejects when the link is down. */
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void>;
  /** `filter` may hold the wildcards + and #. Resolves when the broker has accepted it; survives reconnects. */
  subscribe(filter: string, onMessage: (message: Message) => void): Promise<Unsubscribe>;
  /** Called at once with the present state and then at each change. */
  onLink(listener: (up: boolean) => void): Unsubscribe;
}

export type Unsubscribe = () => void;
