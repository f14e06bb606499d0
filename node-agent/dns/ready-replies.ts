/**
 * Answers about the cluster's own names, ready to be sent again: pods ask the same few questions all day. They are good as long
 * as nothing of the zone changes. Bounded: questions, and how many orders of one answer are kept.
 */
const MAX_QUESTIONS = 1_024;
/** Longer questions carry what differs from client to client. */
const MAX_QUESTION_BYTES = 160;
/** Clients take the first address: each of these begins with another one. */
const MAX_ORDERS = 4;

interface Ready {
  packets: Buffer[];
  orders: number;
  turn: number;
}

export class ReadyReplies {
  readonly #ready = new Map<string, Ready>();
  #version = -1;

  /** undefined: it has to be made. `version`: of the zone, now. */
  find(question: Buffer, isStream: boolean, version: number): Buffer | undefined {
    if (version !== this.#version) {
      this.#ready.clear();
      this.#version = version;
      return undefined;
    }
    const ready = this.#ready.get(keyOf(question, isStream));
    if (ready === undefined || ready.packets.length < ready.orders) return undefined;
    ready.turn = (ready.turn + 1) % ready.packets.length;
    const packet = Buffer.from(ready.packets[ready.turn] ?? question);
    question.copy(packet, 0, 0, 2);
    return packet;
  }

  /** `answers`: how many there are that may come first. */
  keep(question: Buffer, isStream: boolean, { packet, answers }: { packet: Buffer; answers: number }): void {
    if (question.length > MAX_QUESTION_BYTES) return;
    const key = keyOf(question, isStream);
    const ready = this.#ready.get(key);
    if (ready !== undefined) {
      ready.packets.push(packet);
      return;
    }
    if (this.#ready.size >= MAX_QUESTIONS) this.#ready.clear();
    const orders = Math.max(1, Math.min(answers, MAX_ORDERS));
    this.#ready.set(key, { packets: [packet], orders, turn: 0 });
  }
}

/** Everything but the number of the question. */
function keyOf(question: Buffer, isStream: boolean): string {
  return `${isStream ? 't' : 'u'}${question.toString('latin1', 2)}`;
}
