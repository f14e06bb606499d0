/** From a client's packet to the answer's: the cluster's own names, and what others say about the rest. Never throws. */
import { type Answer, decode, encode } from 'dns-packet';
import type { Logger } from '../../shared/platform/logger.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import type { DnsCache } from './forward/cache.ts';
import { ReadyReplies } from './ready-replies.ts';
import { HEADER_BYTES } from './wire/message.ts';
import { type Query, RCODE, readQuery } from './wire/query.ts';
import { relayMessage, renderReply, replyLimit } from './wire/reply.ts';
import type { ClusterZone, ZoneAnswer } from './zone/cluster-zone.ts';

export interface ResolverOptions {
  zone: ClusterZone;
  cache: DnsCache;
  random: Random;
  logger: Logger;
}

/** Names that lead to names that lead to names. */
const MAX_ALIASES = 8;

/** Of type and class, at the end of a question. */
const TYPE_BYTES = 4;

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #ready = new ReadyReplies();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** undefined: the packet deserves no answer. */
  answer(packet: Buffer, isStream: boolean): Buffer | undefined | Promise<Buffer> {
    const { zone } = this.#options;
    const ready = this.#ready.find(packet, isStream, zone.version);
    if (ready !== undefined) return ready;
    const reading = readQuery(packet);
    if (reading === undefined) return undefined;
    if ('refusal' in reading) return reading.refusal;
    const { query } = reading;
    const limitBytes = replyLimit(query, isStream);
    const found = zone.lookup(query.name, query.type);
    if (found === undefined) return this.#forward(query, limitBytes);
    if (aliasOf(found, query) !== undefined) return this.#follow(query, found, limitBytes);
    const reply = renderReply(query, { ...this.#shuffled(found), authoritative: true }, limitBytes);
    this.#ready.keep(packet, isStream, { packet: reply, answers: found.answers.length });
    return reply;
  }

  async #forward(query: Query, limitBytes: number): Promise<Buffer> {
    try {
      const known = await this.#options.cache.resolve(query);
      if (known !== undefined) return relayMessage(query, known.message, { limitBytes, ttl: known.ttl });
    } catch (error) {
      this.#options.logger.warn('a question could not be handed on', { name: query.name, error });
    }
    return renderReply(query, failure(), limitBytes);
  }

  /** What a name stands for is found out for the client: its resolver does not ask again (RFC 1034, section 4.3.2). */
  async #follow(query: Query, first: ZoneAnswer, limitBytes: number): Promise<Buffer> {
    const answers: Answer[] = [...first.answers];
    let found: ZoneAnswer | undefined = first;
    for (let steps = 0; steps < MAX_ALIASES; steps += 1) {
      const target: string | undefined = found && aliasOf(found, query);
      if (target === undefined) break;
      found = this.#options.zone.lookup(target, query.type);
      if (found === undefined) {
        const told = await this.#askOthers(query, target);
        if (told === undefined) return renderReply(query, failure(), limitBytes);
        answers.push(...told.answers);
        return renderReply(query, { ...NOTHING, answers, rcode: told.rcode, authoritative: true }, limitBytes);
      }
      answers.push(...found.answers);
    }
    const rcode = found === undefined ? RCODE.serverFailure : rcodeOf(found);
    return renderReply(query, { ...NOTHING, ...found, answers, rcode, authoritative: true }, limitBytes);
  }

  async #askOthers(query: Query, name: string): Promise<{ answers: readonly Answer[]; rcode: number } | undefined> {
    try {
      const labels = encode({ questions: [{ name, type: 'A' }] }).subarray(HEADER_BYTES, -TYPE_BYTES);
      const question = Buffer.concat([labels, query.question.subarray(-TYPE_BYTES)]);
      const known = await this.#options.cache.resolve({ ...query, name, question });
      if (known === undefined) return undefined;
      const { message, ttl } = known;
      const answers = (decode(message).answers ?? []).map((record) =>
        record.type === 'OPT' ? record : { ...record, ttl: ttl(record.ttl ?? 0) },
      );
      return { answers, rcode: message.readUInt16BE(2) & 0xf };
    } catch (error) {
      this.#options.logger.debug('an alias leads nowhere', { name, error });
      return undefined;
    }
  }

  /** Many clients take the first address: each of them shall be first now and then. */
  #shuffled(found: ZoneAnswer): Omit<ZoneAnswer, 'rcode'> & { rcode: number } {
    const { answers } = found;
    const start = answers.length > 1 ? nextInt(this.#options.random, answers.length) : 0;
    const rotated = start === 0 ? answers : [...answers.slice(start), ...answers.slice(0, start)];
    return { ...found, answers: rotated, rcode: rcodeOf(found) };
  }
}

const NOTHING = { answers: [], authorities: [], additionals: [] };

function failure() {
  return { ...NOTHING, rcode: RCODE.serverFailure, authoritative: false };
}

function rcodeOf({ rcode }: ZoneAnswer): number {
  return rcode === 'NXDOMAIN' ? RCODE.nameError : RCODE.noError;
}

function aliasOf({ answers }: ZoneAnswer, { type }: Query): string | undefined {
  if (type === 'CNAME' || type === 'ANY') return undefined;
  return answers.flatMap((record) => (record.type === 'CNAME' ? [record.data] : []))[0];
}
