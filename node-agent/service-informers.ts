/**
 * The node's own copy of Services and EndpointSlices: one for all who need it, kept on the disk, so that services and names
 * work after a cold boot without a master.
 */
import type { EndpointSlice } from '../shared/api/endpoint-slice.ts';
import { SERVICE_NAME_LABEL } from '../shared/api/endpoint-slice-labels.ts';
import { EndpointSliceRef, ServiceRef } from '../shared/api/kind-refs.ts';
import type { Service } from '../shared/api/service.ts';
import type { Client, KindRef } from '../shared/client/client.ts';
import { Informer } from '../shared/client/informer.ts';
import type { Clock } from '../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import type { KubernetesObject } from '../shared/schema/object-meta.ts';
import type { KeptObjects } from './kubelet/assignment/kept-objects.ts';

/** Index of EndpointSlices: by `namespace/name` of their service. */
export const BY_SERVICE = 'service';

export interface ServiceInformersOptions {
  client: Client;
  /** What was known before this process, and is told what is known now. */
  kept: KeptObjects;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export class ServiceInformers implements Component {
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;

  constructor(options: ServiceInformersOptions) {
    this.services = createKeptInformer(ServiceRef, options);
    this.endpointSlices = createKeptInformer(EndpointSliceRef, options);
    this.endpointSlices.addIndex(BY_SERVICE, serviceKeysOf);
  }

  /** The master can be reached again: nothing waits out its pause. */
  retryNow(): void {
    this.services.retryNow();
    this.endpointSlices.retryNow();
  }

  start(): Promise<void> {
    return startAll([this.services, this.endpointSlices]);
  }

  stop(): Promise<void> {
    return stopAll([this.services, this.endpointSlices]);
  }
}

/** A copy that begins with what the disk remembers, and that the disk follows. */
export function createKeptInformer<T extends KubernetesObject>(
  kind: KindRef<T>,
  { kept, ...base }: ServiceInformersOptions,
): Informer<T> {
  const informer = new Informer<T>({ ...base, kind, seed: () => kept.list(kind) });
  informer.onChange((key, current) => {
    if (current === undefined) kept.forget(kind, key);
    else kept.keep(kind, key, current);
  });
  return informer;
}

function serviceKeysOf({ metadata: { namespace = '', labels = {} } }: EndpointSlice): string[] {
  const service = labels[SERVICE_NAME_LABEL];
  return service ? [`${namespace}/${service}`] : [];
}
