/** The load balancer controller: tells each Service of type LoadBalancer at which nodes' addresses it is served. */

import { SERVICE_NAME_LABEL } from '../../../shared/api/endpoint-slice-labels.ts';
import type { Node } from '../../../shared/api/node.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
import { keyOf, parseKey } from '../../../shared/client/informer.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { BY_SERVICE, type Environment, type Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeIngress } from './plan.ts';

export class LoadBalancerController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers) {
    const { services, nodes, endpointSlices } = informers;
    this.#environment = environment;
    this.#informers = informers;
    this.#controller = new SyncedController({
      ...environment,
      name: 'load-balancer',
      informers: [services, nodes, endpointSlices],
      reconcile: (key) => this.#reconcile(key),
    });
    services.onChange((key) => this.#controller.enqueue(key));
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

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  #enqueueBalancers(): void {
    const balancers = this.#informers.services.list().filter(({ spec }) => spec.type === 'LoadBalancer');
    for (const service of balancers) this.#controller.enqueue(keyOf(service));
  }

  async #reconcile(key: string): Promise<void> {
    const { services, nodes, endpointSlices } = this.#informers;
    const service = services.get(key);
    if (service === undefined) return;
    const ingress = computeIngress(service, nodes.list(), endpointSlices.byIndex(BY_SERVICE, key));
    if (ingress === undefined || jsonEqual(ingress, service.status.loadBalancer.ingress ?? [])) return;
    const body = {
      metadata: { uid: service.metadata.uid },
      status: { loadBalancer: { ingress: ingress.length === 0 ? null : ingress } },
    };
    const patch = { type: 'merge', body, subresource: 'status' } as const;
    await unlessNotFound(this.#environment.client.patch(ServiceKind, parseKey(key), patch));
  }
}

/** What of a Node decides whether it serves, and where. */
function idOf(node: Node | undefined): string {
  if (node === undefined) return '';
  const { metadata, status } = node;
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status;
  return JSON.stringify([metadata.labels, metadata.deletionTimestamp, ready, status.addresses]);
}
