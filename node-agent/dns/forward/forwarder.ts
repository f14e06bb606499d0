/**
 * Asks the board's own name servers, in the order of resolv.conf; one that does not answer is asked last for a while.
 * Bounded: questions under way, and the time that one may take.
 */
import { type Clock, sleep } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { nextInt, type Random } from '../../../shared/platform/random.ts';
import { FLAG, HEADER_BYTES, listRecords } from '../wire/message.ts';
import { type Query, RCODE } from '../wire/query.ts';
import { renderQuery } from '../wire/reply.ts';
import type { UpstreamDialer } from './dialer.ts';
import type { Upstream } from './upstreams.ts';

export interface ForwarderOptions {
  dialer: UpstreamDialer;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const TRY_MS = 1_500;
/** Clients wait five seconds (resolv.conf(5), timeout). */
const TOTAL_MS = 4_500;
const ROUNDS = 2;

/** How long a server that did not answer stands at the end of the row. */
const AVOID_MS = 10_000;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #avoidUntil = new Map<string, number>();
  #upstreams: readonly Upstream[] = [];

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  get upstreams(): readonly Upstream[] {
    return this.#upstreams;
  }

  setUpstreams(upstreams: readonly Upstream[]): void {
    this.#upstreams = upstreams;
    this.#avoidUntil.clear();
  }

  /** The answer as it came, a well-formed one to this question; undefined: nobody gives one. */
  async ask(query: Query): Promise<Buffer | undefined> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + TOTAL_MS;
    let refusal: Buffer | undefined;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const upstream of this.#inOrder()) {
        const leftMs = Math.min(TRY_MS, deadlineMs - clock.monotonicMs());
        if (leftMs <= 0) return refusal;
        const answer = await this.#askOne(upstream, query, leftMs);
        if (answer !== undefined && !isRefusal(answer)) return answer;
        refusal = answer ?? refusal;
      }
      if (refusal !== undefined) return refusal;
    }
    return refusal;
  }

  /** Those that answered, first. */
  #inOrder(): Upstream[] {
    const nowMs = this.#options.clock.monotonicMs();
    const isAvoided = ({ address }: Upstream): boolean => (this.#avoidUntil.get(address) ?? 0) > nowMs;
    return [
      ...this.#upstreams.filter((upstream) => !isAvoided(upstream)),
      ...this.#upstreams.filter((upstream) => isAvoided(upstream)),
    ];
  }

  async #askOne(upstream: Upstream, query: Query, timeoutMs: number): Promise<Buffer | undefined> {
    const { clock, dialer, logger, random } = this.#options;
    const ending = new AbortController();
    const timer = clock.after(timeoutMs, () => ending.abort(new Error('no answer in time')));
    const id = nextInt(random, 0x1_0000);
    const accept = (answer: Buffer): boolean => isAnswer(answer, id, query);
    const question = { packet: renderQuery(query, id), accept, signal: ending.signal };
    try {
      const answer = await dialer.askByDatagram(upstream, question);
      this.#avoidUntil.delete(upstream.address);
      const isCut = (answer.readUInt16BE(2) & FLAG.truncated) !== 0;
      return isCut ? await dialer.askByStream(upstream, question) : answer;
    } catch (error) {
      logger.debug('a name server does not answer', { server: upstream.address, error });
      this.#avoidUntil.set(upstream.address, clock.monotonicMs() + AVOID_MS);
      // One that refuses at once would otherwise be asked again and again within a moment.
      await sleep(clock, 0);
      return undefined;
    } finally {
      timer.cancel();
    }
  }
}

/** The same number, the same question, and well-formed to its end (RFC 5452, section 9.1). */
function isAnswer(answer: Buffer, id: number, { question }: Query): boolean {
  if (answer.length < HEADER_BYTES + question.length || answer.readUInt16BE(0) !== id) return false;
  if ((answer.readUInt16BE(2) & FLAG.response) === 0 || answer.readUInt16BE(4) !== 1) return false;
  const repeated = answer.subarray(HEADER_BYTES, HEADER_BYTES + question.length);
  if (!lowerCase(repeated).equals(lowerCase(question))) return false;
  try {
    listRecords(answer);
    return true;
  } catch {
    return false;
  }
}

/** Of letters; lengths of labels are less than any letter's number. */
export function lowerCase(question: Buffer): Buffer {
  return Buffer.from(question.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)));
}

/** The server has nothing to say; another one may have. */
function isRefusal(answer: Buffer): boolean {
  const rcode = answer.readUInt16BE(2) & 0xf;
  return rcode !== RCODE.noError && rcode !== RCODE.nameError;
}
