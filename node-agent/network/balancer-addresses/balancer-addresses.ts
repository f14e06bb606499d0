/**
 * Holds addresses of the pool on this machine, and tells the segment when one has come: the kernel answers for what is on any
 * of its devices, and neighbours that knew another holder learn the new one at once. Level-triggered; what a life before left
 * on the device is found and kept. Sources: ip-address(8), arping(8).
 */
import { Controller, type ReconcileResult } from '../../../shared/client/controller.ts';
import { isJsonObject } from '../../../shared/machinery/json.ts';
import type { BackoffPolicy } from '../../../shared/platform/backoff.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { Shell } from '../../../shared/platform/shell.ts';
import type { HeldAddress } from './compute-held.ts';

export interface BalancerAddressesOptions {
  shell: Shell;
  /** Device that the addresses are on. */
  device: string;
  /** What is to be held now; undefined: not known yet. */
  wanted(): readonly HeldAddress[] | undefined;
  /** Other addresses are held. */
  onChange(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Radio loses frames: an announcement is repeated, a second apart. */
const ANNOUNCEMENTS = 3;

const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 };
const NOT_RUN = -1;

export class BalancerAddresses implements Component {
  readonly #options: BalancerAddressesOptions;
  readonly #controller: Controller;
  /** undefined: not looked at yet. */
  #present: Map<string, HeldAddress> | undefined;
  readonly #announcing = new Set<Promise<void>>();
  #isMissing = false;

  constructor(options: BalancerAddressesOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'balancer-addresses', reconcile, backoff: RETRY, clock, random, logger });
  }

  /** Addresses that this machine holds. */
  list(): string[] {
    return [...(this.#present?.keys() ?? [])];
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  /** Whoever stops by itself hands over: others will be told that this node is gone. */
  async stop(): Promise<void> {
    await this.#controller.stop();
    if (this.list().length > 0) await this.#options.shell.run('ip', ['link', 'del', this.#options.device]);
    await Promise.all(this.#announcing);
  }

  lookAgain(): void {
    this.#controller.enqueue('addresses');
  }

  async #reconcile(): Promise<ReconcileResult> {
    const list = this.#options.wanted();
    if (list === undefined) return {};
    const wanted = new Map(list.map((held) => [held.address, held]));
    this.#present ??= await this.#look();
    const present = this.#present;
    const gone = [...present.keys()].filter((address) => !wanted.has(address));
    const come = [...wanted.values()].filter(({ address, device }) => present.get(address)?.device !== device);
    if (gone.length + come.length === 0) return {};
    await this.#change({ gone, come, isEmpty: wanted.size === 0 });
    this.#present = wanted;
    for (const held of come) this.#announce(held);
    this.#options.onChange();
    return {};
  }

  /** Those of a life before, which are announced again. */
  async #look(): Promise<Map<string, HeldAddress>> {
    const { shell, device } = this.#options;
    const { code, stdout } = await shell.run('ip', ['-json', '-4', 'addr', 'show', 'dev', device]);
    const addresses = code === 0 ? parseAddresses(stdout) : [];
    return new Map(addresses.map((address) => [address, { address, device: '' }]));
  }

  async #change({ gone, come, isEmpty }: { gone: string[]; come: HeldAddress[]; isEmpty: boolean }): Promise<void> {
    const { shell, device, logger } = this.#options;
    if (isEmpty) {
      await shell.run('ip', ['link', 'del', device]);
      logger.info('holds no address of load balancers any more', { gone });
      return;
    }
    // A bridge without ports: every kernel that runs Docker has bridges. One that is there already stays.
    await shell.run('ip', ['link', 'add', device, 'type', 'bridge']);
    const lines = [
      `link set ${device} up`,
      ...gone.map((address) => `addr del ${address}/32 dev ${device}`),
      ...come.map(({ address }) => `addr replace ${address}/32 dev ${device}`),
    ];
    const { code, stderr } = await shell.run('ip', ['-force', '-batch', '-'], `${lines.join('\n')}\n`);
    if (code !== 0) throw new BalancerAddressError(stderr.trim().split('\n')[0] ?? '');
    logger.info('holds addresses of load balancers', { come: come.map(({ address }) => address), gone });
  }

  /** Nobody waits for it. */
  #announce({ address, device }: HeldAddress): void {
    const work = this.#tell(address, device).finally(() => this.#announcing.delete(work));
    this.#announcing.add(work);
  }

  async #tell(address: string, device: string): Promise<void> {
    const { shell, logger } = this.#options;
    const { code } = await shell.run('arping', ['-q', '-U', '-c', `${ANNOUNCEMENTS}`, '-I', device, address]);
    if (code === NOT_RUN && !this.#isMissing) {
      const why = 'the program arping is missing: apt-get install iputils-arping';
      logger.warn('neighbours learn late of addresses that move', { why });
    }
    this.#isMissing = code === NOT_RUN;
  }
}

export class BalancerAddressError extends Error {
  override readonly name = 'BalancerAddressError';
}

/** Reads `ip -json addr show`. */
function parseAddresses(json: string): string[] {
  try {
    const value: unknown = JSON.parse(json);
    const infos = Array.isArray(value) ? value.flatMap((each) => (isJsonObject(each) ? each['addr_info'] : [])) : [];
    return infos.flatMap((info) => (isJsonObject(info) && typeof info['local'] === 'string' ? [info['local']] : []));
  } catch {
    return [];
  }
}
