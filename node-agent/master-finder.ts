/**
 * Where the master is, for agents that were not told: asked for on the LAN, and again while it cannot be reached, since it may
 * have got another address. Whom they find counts only when it has the cluster's certificate. What was found is remembered.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { Clock, Timer } from '../shared/platform/clock.ts';
import type { Component } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import { parseJoinToken } from '../shared/protocol/join-token.ts';
import { BRAMBLE_SERVICE, isMasterOf } from '../shared/protocol/mdns/bramble-service.ts';
import type { FoundService, SearchOptions } from '../shared/protocol/mdns/find-service.ts';

export interface MasterPlace {
  host: string;
  port: number;
}

export interface MasterFinderOptions {
  /** Changed when the master is found elsewhere: whoever dials reads it each time. */
  master: MasterPlace;
  search(options: SearchOptions): Promise<FoundService | undefined>;
  /** What was found in an earlier life. */
  memory: { read(): Promise<string | undefined>; write(text: string): Promise<void> };
  clock: Clock;
  logger: Logger;
}

const SEARCH_MS = 2_000;
/** The link is given this long to come back by itself. */
const PATIENCE_MS = 20_000;
const SEARCH_INTERVAL_MS = 60_000;

export class MasterFinder implements Component {
  readonly #options: MasterFinderOptions;
  #caHash: string | undefined;
  #timer: Timer | undefined;
  #onMoved: () => void = () => undefined;
  #isStopped = false;
  #isUp = false;

  constructor(options: MasterFinderOptions) {
    this.#options = options;
  }

  /** Before the first dial. `caHash`: of the token, or of the cluster that the node belongs to; undefined: any will do. */
  async find(caHash: string | undefined): Promise<void> {
    this.#caHash = caHash;
    const known = parsePlace(await this.#options.memory.read());
    if (known !== undefined) Object.assign(this.#options.master, known);
    await this.#search();
  }

  async start(): Promise<void> {
    this.setLink(false, this.#onMoved);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** The link has come up or gone down; `onMoved`: the master was found elsewhere. */
  setLink(isUp: boolean, onMoved: () => void): void {
    this.#onMoved = onMoved;
    this.#isUp = isUp;
    this.#schedule(PATIENCE_MS);
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isUp || this.#isStopped) return;
    this.#timer = this.#options.clock.after(delayMs, () => void this.#searchAgain());
  }

  async #searchAgain(): Promise<void> {
    if (await this.#search()) this.#onMoved();
    this.#schedule(SEARCH_INTERVAL_MS);
  }

  /** Whether it is elsewhere than was known. */
  async #search(): Promise<boolean> {
    const { search, master, memory, clock, logger } = this.#options;
    const accept = (one: FoundService): boolean => isMasterOf(one, this.#caHash);
    const found = await search({ service: BRAMBLE_SERVICE, accept, timeoutMs: SEARCH_MS, clock });
    if (found === undefined || (found.host === master.host && found.port === master.port)) return false;
    master.host = found.host;
    master.port = found.port;
    logger.info('found the master on the LAN', { name: found.instance, host: found.host, port: found.port });
    await memory.write(`${found.host} ${found.port}\n`).catch((error) => {
      logger.warn('where the master is cannot be remembered', { error });
    });
    return true;
  }
}

/** Of the cluster that a node belongs to (PEM), or that its token leads to; undefined: of neither. */
export function caHashOf(known: { ca?: string | undefined; token?: string | undefined }): string | undefined {
  if (known.ca) return createHash('sha256').update(new X509Certificate(known.ca).raw).digest('hex');
  try {
    return known.token ? parseJoinToken(known.token).caHash : undefined;
  } catch {
    // A token that is none is complained about by whoever uses it.
    return undefined;
  }
}

function parsePlace(text: string | undefined): MasterPlace | undefined {
  const [host = '', port = ''] = (text ?? '').trim().split(' ');
  return host !== '' && /^\d+$/.test(port) ? { host, port: Number(port) } : undefined;
}
