/** Makes the kernel forget UDP flows that lead nowhere any more. Source: conntrack(8). */
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Shell, ShellResult } from '../../../shared/platform/shell.ts';
import { type LostFlow, renderFlow } from './lost-flows.ts';

/** Each call walks the kernel's whole table: many at once are asked for in batches, one after the other. */
const MAX_QUEUED = 10_000;

/** What conntrack says when there was no such flow is no failure: exit code 1 with this program running is fine. */
const NOT_RUN = -1;

export interface ConntrackOptions {
  shell: Shell;
  logger: Logger;
}

export class Conntrack {
  readonly #options: ConntrackOptions;
  #queue: LostFlow[] = [];
  #work: Promise<void> | undefined;
  #isMissing = false;

  constructor(options: ConntrackOptions) {
    this.#options = options;
  }

  /** Why removed UDP targets keep their clients; undefined: they do not. */
  get problem(): string | undefined {
    return this.#isMissing ? 'the program conntrack is missing: apt-get install conntrack' : undefined;
  }

  /** Returns at once; the work follows. */
  clear(flows: readonly LostFlow[]): void {
    this.#queue.push(...flows.slice(0, MAX_QUEUED - this.#queue.length));
    if (this.#queue.length > 0) this.#work ??= this.#run();
  }

  /** Resolves when nothing is left to do. */
  async idle(): Promise<void> {
    await this.#work;
  }

  async #run(): Promise<void> {
    for (let flow = this.#queue.shift(); flow !== undefined; flow = this.#queue.shift()) await this.#clearOne(flow);
    this.#work = undefined;
  }

  async #clearOne(flow: LostFlow): Promise<void> {
    const { logger } = this.#options;
    const { code } = await this.#delete(flow, flow.address.includes(':') ? 'ipv6' : 'ipv4');
    // A node port is one of both families.
    if (flow.address === '') await this.#delete(flow, 'ipv6');
    if (code === NOT_RUN && !this.#isMissing)
      logger.warn('UDP flows to removed pods are not ended', { why: 'no conntrack' });
    this.#isMissing = code === NOT_RUN;
  }

  #delete(flow: LostFlow, family: 'ipv4' | 'ipv6'): Promise<ShellResult> {
    return this.#options.shell.run('conntrack', ['-D', '-f', family, '-p', 'udp', ...renderFlow(flow)]);
  }
}
