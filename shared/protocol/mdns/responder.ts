/**
 * Tells the LAN names and answers for them, as one of many (RFC 6762). A name that only we may have is asked for before it is
 * told, and given up when somebody else has it; shared names are told by everybody who serves them. Bounded: records, packets.
 */
import type { Answer } from 'dns-packet';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Component } from '../../platform/lifecycle.ts';
import type { Logger } from '../../platform/logger.ts';
import { nextFloat, type Random } from '../../platform/random.ts';
import {
  asksFor,
  compareProposals,
  contentOf,
  type MdnsMessage,
  type OwnRecord,
  readMessage,
  renderLegacyResponse,
  renderProbe,
  renderResponse,
  sameName,
} from './mdns-record.ts';
import { MAX_PACKET_BYTES, MDNS_PORT, type Multicast, type MulticastSender } from './multicast.ts';

export interface ResponderOptions {
  multicast: Multicast;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Somebody else has this name: it is not told any more, until records without it are set. */
  onConflict(name: string): void;
}

/** Section 8.1. */
const PROBES = 3;
const PROBE_INTERVAL_MS = 250;
/** Section 8.2: who has lost a tie waits before the next try. */
const TIE_WAIT_MS = 1_000;
/** Section 8.3. */
const ANNOUNCEMENTS = 2;
const ANNOUNCE_INTERVAL_MS = 1_000;
/** Section 6: shared answers are spread, so that not all answer at once; nothing is told twice within a second. */
const SPREAD_MIN_MS = 20;
const SPREAD_MS = 100;
const REPEAT_MS = 1_000;
/** Section 6.7: for clients that know nothing of multicast. */
const LEGACY_TTL_SECONDS = 10;

export const MAX_RECORDS = 256;

type State = 'probing' | 'told' | 'lost';

interface Held extends OwnRecord {
  state: State;
  content: string;
  toldAtMs: number;
}

export class MdnsResponder implements Component {
  readonly #options: ResponderOptions;
  #held: Held[] = [];
  #timers = new Set<Timer>();
  #isOpen = false;
  #probesLeft = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** Rejects when the port cannot be had. */
  async start(): Promise<void> {
    await this.#options.multicast.open((packet, sender) => this.#onPacket(packet, sender));
    this.#isOpen = true;
    this.#begin();
  }

  /** Says goodbye (section 10.1). */
  async stop(): Promise<void> {
    if (!this.#isOpen) return;
    this.#tell(this.#toldRecords(), 0);
    this.#isOpen = false;
    for (const timer of this.#timers) timer.cancel();
    await this.#options.multicast.close();
  }

  /** All that is to be told; what is not among it any more is taken back. */
  setRecords(records: readonly OwnRecord[]): void {
    const wanted = records.slice(0, MAX_RECORDS).map((one) => ({ ...one, content: contentOf(one.record) }));
    const kept = this.#held.filter(({ content }) => wanted.some((one) => one.content === content));
    const gone = this.#held.filter((one) => !kept.includes(one) && one.state === 'told');
    if (this.#isOpen && gone.length > 0) this.#tell(gone, 0);
    const added = wanted.filter(({ content }) => !kept.some((one) => one.content === content));
    this.#held = [
      ...kept,
      ...added.map((one): Held => ({ ...one, state: 'probing', toldAtMs: Number.NEGATIVE_INFINITY })),
    ];
    if (added.length > 0) this.#begin();
  }

  /** Names that are told now. */
  get names(): readonly string[] {
    return [...new Set(this.#toldRecords().map(({ record }) => record.name))];
  }

  #toldRecords(): Held[] {
    return this.#held.filter(({ state }) => state === 'told');
  }

  #begin(): void {
    if (!this.#isOpen || !this.#held.some(({ state }) => state === 'probing')) return;
    const isUnderWay = this.#probesLeft > 0;
    this.#probesLeft = PROBES;
    // Boards that got their power together do not ask together.
    if (!isUnderWay) this.#after(nextFloat(this.#options.random) * PROBE_INTERVAL_MS, () => this.#probe());
  }

  #probe(): void {
    const probing = this.#held.filter(({ state }) => state === 'probing');
    if (probing.length === 0) {
      this.#probesLeft = 0;
      return;
    }
    if (this.#probesLeft === 0) {
      for (const one of probing) one.state = 'told';
      this.#announce(probing, ANNOUNCEMENTS);
      return;
    }
    this.#probesLeft -= 1;
    const names = [...new Set(probing.map(({ record }) => record.name))];
    this.#send(
      renderProbe(
        names,
        probing.filter(({ isUnique }) => isUnique).map(({ record }) => record),
      ),
    );
    this.#after(PROBE_INTERVAL_MS, () => this.#probe());
  }

  #announce(records: readonly Held[], times: number): void {
    this.#tell(records.filter((one) => this.#held.includes(one) && one.state === 'told'));
    if (times > 1) this.#after(ANNOUNCE_INTERVAL_MS, () => this.#announce(records, times - 1));
  }

  #onPacket(packet: Buffer, sender: MulticastSender): void {
    if (!this.#isOpen || packet.length > MAX_PACKET_BYTES) return;
    const message = readMessage(packet);
    if (message === undefined) return;
    if (!message.isResponse) this.#onQuery(message, sender);
    // Section 6: what does not come from the port of names is no answer.
    else if (sender.port === MDNS_PORT) for (const answer of message.answers) this.#onAnswer(answer);
  }

  /** Section 9. What others share is no conflict, and neither is what we said ourselves. */
  #onAnswer(answer: Answer): void {
    if (answer.type === 'OPT' || answer.ttl === 0) return;
    const rivals = this.#held.filter(
      ({ record, state }) => state !== 'lost' && sameName(record.name, answer.name) && record.type === answer.type,
    );
    if (rivals.length === 0 || rivals.some(({ content }) => content === contentOf(answer))) return;
    const claims = answer.flush === true || rivals.some(({ isUnique }) => isUnique);
    if (claims) this.#lose(answer.name);
  }

  #lose(name: string): void {
    for (const one of this.#held) if (sameName(one.record.name, name)) one.state = 'lost';
    this.#options.logger.warn('somebody else on the LAN has this name', { name });
    this.#options.onConflict(name);
  }

  #onQuery(message: MdnsMessage, sender: MulticastSender): void {
    if (message.authorities.length > 0) this.#onRivalProbe(message);
    const isLegacy = sender.port !== MDNS_PORT;
    const asked = this.#toldRecords().filter(({ record }) => message.questions.some((one) => asksFor(one, record)));
    // Section 7.1: what the client knows already, and will for a while.
    const known = new Map(message.answers.map((answer) => [contentOf(answer), answer]));
    const wanted = asked.filter(({ content, record }) => {
      const answer = known.get(content);
      return answer === undefined || answer.type === 'OPT' || (answer.ttl ?? 0) * 2 < (record.ttl ?? 0);
    });
    const missing = this.#renderMissing(message);
    if (wanted.length === 0 && (missing.length === 0 || asked.length > 0)) return;
    if (isLegacy) this.#replyTo(message, sender, [...wanted.map(renderTold), ...missing]);
    else this.#answer(message, wanted, missing);
  }

  /** Who else asks for our name before he tells it: the later list wins (section 8.2). */
  #onRivalProbe({ authorities }: MdnsMessage): void {
    for (const name of new Set(authorities.map((record) => record.name.toLowerCase()))) {
      const own = this.#held.filter(({ record, isUnique, state }) => {
        return isUnique && state === 'probing' && sameName(record.name, name);
      });
      if (own.length === 0) continue;
      const theirs = authorities.filter((record) => sameName(record.name, name));
      if (
        compareProposals(
          own.map(({ record }) => record),
          theirs,
        ) >= 0
      )
        continue;
      // We have lost: by the time that we ask again, the other one tells it, if he is real.
      this.#probesLeft = PROBES;
      this.#cancelAll();
      this.#after(TIE_WAIT_MS, () => this.#probe());
      return;
    }
  }

  #answer({ questions }: MdnsMessage, wanted: readonly Held[], missing: readonly Answer[]): void {
    const isSure = wanted.every(({ isUnique }) => isUnique) || questions.some(({ wantsUnicast }) => wantsUnicast);
    const delayMs = isSure ? 0 : SPREAD_MIN_MS + nextFloat(this.#options.random) * SPREAD_MS;
    this.#after(delayMs, () => {
      const oldestMs = this.#options.clock.monotonicMs() - REPEAT_MS;
      const due = wanted.filter((one) => one.state === 'told' && one.toldAtMs <= oldestMs);
      if (due.length > 0 || missing.length > 0) this.#tell(due, undefined, missing);
    });
  }

  /** To a client that knows only ordinary DNS: its number and its question come back. */
  #replyTo({ id, questions }: MdnsMessage, sender: MulticastSender, answers: readonly Answer[]): void {
    const more = this.#related(answers).map(renderTold);
    const short = (record: Answer): Answer =>
      record.type === 'OPT' ? record : { ...record, flush: false, ttl: Math.min(record.ttl ?? 0, LEGACY_TTL_SECONDS) };
    const packet = renderLegacyResponse({ id, questions }, answers.map(short), more.map(short));
    this.#options.multicast.reply(packet, sender);
  }

  /** That a name of ours has no address of a family saves its client a wait (section 6.1). */
  #renderMissing({ questions }: MdnsMessage): Answer[] {
    return questions.flatMap(({ name, type }) => {
      const own = this.#toldRecords().filter(({ record }) => sameName(record.name, name));
      const isHost = own.some(({ record }) => record.type === 'A' || record.type === 'AAAA');
      if (!isHost || (type !== 'A' && type !== 'AAAA') || own.some(({ record }) => record.type === type)) return [];
      const rrtypes = [...new Set(own.map(({ record }) => record.type))];
      return [{ name, type: 'NSEC', ttl: own[0]?.record.ttl ?? 0, flush: false, data: { nextDomain: name, rrtypes } }];
    });
  }

  /** Where a service runs, and at which address: the next questions of a client (RFC 6763, section 12). */
  #related(answers: readonly Answer[]): Held[] {
    const found = new Set<Held>();
    let names = answers.flatMap(targetsOf);
    for (let depth = 0; depth < 2; depth += 1) {
      const next = this.#toldRecords().filter(({ record }) => names.some((name) => sameName(name, record.name)));
      for (const one of next) found.add(one);
      names = next.flatMap(({ record }) => targetsOf(record));
    }
    return [...found];
  }

  #tell(records: readonly Held[], ttl?: number, more: readonly Answer[] = []): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const one of records) one.toldAtMs = nowMs;
    const answers = records.map(renderTold).map((record) => (ttl === undefined ? record : { ...record, ttl }));
    if (answers.length + more.length === 0) return;
    const related = ttl === 0 ? [] : this.#related(answers).filter((one) => !records.includes(one));
    this.#send(renderResponse([...answers, ...more], related.map(renderTold)));
  }

  #send(packet: Buffer): void {
    if (packet.length <= MAX_PACKET_BYTES) this.#options.multicast.send(packet);
    else this.#options.logger.warn('too many names for one packet', { bytes: packet.length });
  }

  #after(delayMs: number, work: () => void): void {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      if (this.#isOpen) work();
    });
    this.#timers.add(timer);
  }

  #cancelAll(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}

function renderTold({ record, isUnique }: OwnRecord): Answer {
  return { ...record, flush: isUnique };
}

function targetsOf(record: Answer): string[] {
  if (record.type === 'SRV') return [record.data.target];
  return record.type === 'PTR' ? [record.data] : [];
}
