/**
 * The load balancer controller: tells each Service of type LoadBalancer where it is served: at the nodes' addresses, or at
 * one of the pool. Which node holds that one is for the nodes to know: it changes, and the Service does not.
 */

import { SERVICE_NAME_LABEL } from '../../../shared/api/endpoint-slice-labels.ts';
import type { Node } from '../../../shared/api/node.ts';
import { type Service, ServiceKind } from '../../../shared/api/service.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { keyOf, parseKey } from '../../../shared/client/informer.ts';
import type { AddressSpan } from '../../../shared/machinery/address-pool.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { BY_SERVICE, type Environment, type Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeIngress, type Ingress, provisionOf } from './plan.ts';
import { choosePoolAddress, takenByOthers } from './pool-plan.ts';

export class LoadBalancerController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #controller: SyncedController;
  readonly #events: EventRecorder;
  readonly #pool: readonly AddressSpan[];
  /** Addresses that were given, and not yet shown by the informer: by the key of their Service. */
  readonly #given = new Map<string, string>();

  constructor(environment: Environment, informers: Informers, pool: readonly AddressSpan[] = []) {
    const { services, nodes, endpointSlices } = informers;
    this.#pool = pool;
    this.#events = createEventRecorder({ ...environment, component: 'load-balancer' });
    this.#environment = environment;
    this.#informers = informers;
    this.#controller = new SyncedController({
      ...environment,
      name: 'load-balancer',
      informers: [services, nodes, endpointSlices],
      reconcile: (key) => this.#reconcile(key),
    });
    services.onChange((key, current, previous) => this.#onService(key, current, previous));
    nodes.onChange((_key, current, previous) => {
      if (idOf(current) !== idOf(previous)) this.#enqueueBalancers();
    });
    endpointSlices.onChange((_key, current, previous) => {
      const { namespace = '', labels = {} } = (current ?? previous)?.metadata ?? {};
      const service = services.get(`${namespace}/${labels[SERVICE_NAME_LABEL] ?? ''}`);
      if (service?.spec.externalTrafficPolicy === 'Local') this.#controller.enqueue(keyOf(service));
    });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onService(key: string, current: Service | undefined, previous: Service | undefined): void {
    const shown = current?.status.loadBalancer.ingress?.some(({ ip }) => ip === this.#given.get(key));
    if (current === undefined || shown) this.#given.delete(key);
    this.#controller.enqueue(key);
    // Room was made: whoever waits for an address may look again.
    const isFreed = previous?.status.loadBalancer.ingress !== undefined && !shown;
    if (this.#pool.length > 0 && isFreed) this.#enqueueBalancers();
  }

  #enqueueBalancers(): void {
    const balancers = this.#informers.services.list().filter(({ spec }) => spec.type === 'LoadBalancer');
    for (const service of balancers) this.#controller.enqueue(keyOf(service));
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#informers.services.get(key);
    const provision = service === undefined ? 'foreign' : provisionOf(service, this.#pool.length > 0);
    if (service === undefined || provision === 'foreign') return;
    const ingress = this.#ingressOf(key, service, provision);
    if (jsonEqual(ingress, service.status.loadBalancer.ingress ?? [])) return;
    const body = {
      metadata: { uid: service.metadata.uid },
      status: { loadBalancer: { ingress: ingress.length === 0 ? null : ingress } },
    };
    const patch = { type: 'merge', body, subresource: 'status' } as const;
    await unlessNotFound(this.#environment.client.patch(ServiceKind, parseKey(key), patch));
  }

  #ingressOf(key: string, service: Service, provision: 'none' | 'nodes' | 'pool'): Ingress {
    const { nodes, endpointSlices } = this.#informers;
    this.#given.delete(key);
    if (provision === 'none') return [];
    if (provision === 'nodes') return computeIngress(service, nodes.list(), endpointSlices.byIndex(BY_SERVICE, key));
    const { address, problem } = choosePoolAddress(service, this.#pool, this.#takenByOthers(key, service));
    if (problem !== undefined) {
      this.#events.event(subjectOf(ServiceKind, service), 'Warning', 'AddressNotAvailable', problem);
    }
    if (address === undefined) return [];
    // A write that fails may have been carried out: the address stays the Service's, and the next attempt writes the same.
    this.#given.set(key, address);
    return [{ ip: address, ipMode: 'VIP' }];
  }

  #takenByOthers(key: string, service: Service): Set<string> {
    const others = this.#informers.services.list().filter((other) => keyOf(other) !== key);
    const given = [...this.#given].filter(([owner]) => owner !== key);
    return new Set([...takenByOthers(service, others), ...given.map(([, address]) => address)]);
  }
}

/** What of a Node decides whether it serves, and where. */
function idOf(node: Node | undefined): string {
  if (node === undefined) return '';
  const { metadata, status } = node;
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status;
  return JSON.stringify([metadata.labels, metadata.deletionTimestamp, ready, status.addresses]);
}
