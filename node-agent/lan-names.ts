/**
 * Names below bramble.local of what this node serves, told to its LAN: hosts of Ingresses, and Services of type LoadBalancer
 * as `<name>.<namespace>.bramble.local` and, in the namespace default, `<name>.bramble.local`. Every node that serves tells its
 * own address; nobody listens before there is a name to tell.
 */
import type { Service } from '../shared/api/service.ts';
import { Controller, type ReconcileResult } from '../shared/client/controller.ts';
import type { BackoffPolicy } from '../shared/platform/backoff.ts';
import type { Clock } from '../shared/platform/clock.ts';
import type { Component } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import { renderHost } from '../shared/protocol/mdns/bramble-service.ts';
import type { Multicast } from '../shared/protocol/mdns/multicast.ts';
import { MdnsResponder } from '../shared/protocol/mdns/responder.ts';

export interface LanNamesOptions {
  multicast: Multicast;
  /** Of the board, now. */
  internalIp(): string;
  /** Addresses of load balancers that the board holds, now. */
  held(): readonly string[];
  /** Hosts of Ingresses that are served here. */
  hosts(): readonly string[];
  services(): readonly Service[];
  clock: Clock;
  random: Random;
  logger: Logger;
}

export const LAN_DOMAIN = '.bramble.local';

const GATHER_MS = 200;
/** The board may have got another address. */
const LOOK_INTERVAL_MS = 60_000;
const RETRY: BackoffPolicy = { initialMs: 5_000, maxMs: 60_000, factor: 2, jitter: 0.2 };
const KEY = 'lan-names';

export class LanNames implements Component {
  readonly #options: LanNamesOptions;
  readonly #responder: MdnsResponder;
  readonly #controller: Controller;
  #isTelling = false;

  constructor(options: LanNamesOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    // What is lost stays lost until it is wanted anew: the other one was there first.
    this.#responder = new MdnsResponder({ ...options, onConflict: () => undefined });
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: KEY, reconcile, backoff: RETRY, clock, random, logger });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    if (this.#isTelling) await this.#responder.stop();
    this.#isTelling = false;
  }

  /** Something of what is served may have changed. */
  lookAgain(): void {
    this.#controller.enqueueAfter(KEY, GATHER_MS);
  }

  async #reconcile(): Promise<ReconcileResult> {
    const { internalIp, held, hosts, services } = this.#options;
    const address = internalIp();
    const records = [
      ...computeLanNames(hosts(), services(), address).flatMap((name) => renderHost(name, [address], false)),
      ...held().flatMap((each) =>
        computeHeldNames(services(), each).flatMap((name) => renderHost(name, [each], false)),
      ),
    ];
    this.#responder.setRecords(records);
    if (records.length === 0) return {};
    if (!this.#isTelling) await this.#responder.start();
    this.#isTelling = true;
    return { requeueAfterMs: LOOK_INTERVAL_MS };
  }
}

export function computeLanNames(hosts: readonly string[], services: readonly Service[], address: string): string[] {
  const balanced = services.filter((service) => isServedAt(service, address)).flatMap(namesOf);
  return [...new Set([...hosts.filter((host) => host.endsWith(LAN_DOMAIN)), ...balanced])];
}

/** Names of the services that have this address of the pool. */
function computeHeldNames(services: readonly Service[], address: string): string[] {
  return services
    .filter(({ spec, status }) => {
      const told = (status as Service['status'] | undefined)?.loadBalancer.ingress ?? [];
      return spec.type === 'LoadBalancer' && told.some(({ ip }) => ip === address);
    })
    .flatMap(namesOf);
}

function namesOf({ metadata: { name, namespace = '' } }: Service): string[] {
  return [`${name}.${namespace}${LAN_DOMAIN}`, ...(namespace === 'default' ? [`${name}${LAN_DOMAIN}`] : [])];
}

/** The master says where; before it has been heard everybody serves. */
function isServedAt({ spec, status }: Service, address: string): boolean {
  if (spec.type !== 'LoadBalancer') return false;
  const told = (status as Service['status'] | undefined)?.loadBalancer.ingress;
  return told === undefined || told.some(({ ip }) => ip === address);
}
