/** What the retained topics say now. Invariant: a message goes out only when it says something new. */
export class RetainedTopics {
  readonly #publish: (topic: string, payload: Uint8Array) => void;
  readonly #told = new Map<string, string>();

  constructor(publish: (topic: string, payload: Uint8Array) => void) {
    this.#publish = publish;
  }

  set(topic: string, value: object): void {
    const text = JSON.stringify(value);
    if (this.#told.get(topic) === text) return;
    this.#told.set(topic, text);
    this.#publish(topic, Buffer.from(text));
  }

  /** An empty message takes a retained one away (MQTT 3.1.1, section 3.3.1.3). */
  clear(topic: string): void {
    if (this.#told.delete(topic)) this.#publish(topic, Buffer.alloc(0));
  }
}
