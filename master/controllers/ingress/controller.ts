/** The Ingress controller of the master: tells each Ingress that the nodes serve at which addresses that is. */
import { type Ingress, IngressKind } from '../../../shared/api/ingress.ts';
import { type IngressClass, IngressClassKind } from '../../../shared/api/ingress-class.ts';
import { isOurs } from '../../../shared/api/ingress-owner.ts';
import { Informer, parseKey } from '../../../shared/client/informer.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeAddresses } from './plan.ts';

export function createIngressController(environment: Environment, { nodes }: Informers): Component {
  const ingresses = new Informer<Ingress>({ ...environment, kind: IngressKind });
  const classes = new Informer<IngressClass>({ ...environment, kind: IngressClassKind });
  const controller = new SyncedController({
    ...environment,
    name: 'ingress',
    informers: [ingresses, classes, nodes],
    async reconcile(key) {
      const ingress = ingresses.get(key);
      if (ingress === undefined || !isOurs(ingress, classes.list())) return;
      const addresses = computeAddresses(nodes.list());
      if (jsonEqual(addresses, ingress.status.loadBalancer.ingress ?? [])) return;
      const body = {
        metadata: { uid: ingress.metadata.uid },
        status: { loadBalancer: { ingress: addresses.length === 0 ? null : addresses } },
      };
      const patch = { type: 'merge', body, subresource: 'status' } as const;
      await unlessNotFound(environment.client.patch(IngressKind, parseKey(key), patch));
    },
  });
  const enqueueAll = (): void => {
    for (const { metadata } of ingresses.list()) controller.enqueue(`${metadata.namespace ?? ''}/${metadata.name}`);
  };
  ingresses.onChange((key) => controller.enqueue(key));
  classes.onChange(enqueueAll);
  nodes.onChange((_key, current, previous) => {
    const [now, before] = [current, previous].map((node) => computeAddresses(node === undefined ? [] : [node]));
    if (!jsonEqual(now, before)) enqueueAll();
  });
  const parts = [ingresses, classes, controller];
  return { start: () => startAll(parts), stop: () => stopAll(parts) };
}
