/**
 * Tells a sink the portals of each Service, whenever the Service, its EndpointSlices or what counts as near have changed.
 * Level-triggered: what is told is computed from the present copies, whatever was missed in between.
 */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import { SERVICE_NAME_LABEL } from '../../../shared/api/endpoint-slice-labels.ts';
import type { Service } from '../../../shared/api/service.ts';
import type { Informer } from '../../../shared/client/informer.ts';
import { computePortals } from './compute-portals.ts';
import type { Locality } from './portal.ts';
import type { ServiceSink } from './service-sink.ts';

export interface ServiceWatchOptions {
  services: Informer<Service>;
  endpointSlices: Informer<EndpointSlice>;
  /** EndpointSlices of a service, by its key. */
  slicesOf(service: string): readonly EndpointSlice[];
  locality(): Locality;
  /** What is there beside its portals. undefined: the service is gone. */
  onService?(key: string, service: Service | undefined, locality: Locality): void;
}

export class ServiceWatch {
  readonly #options: ServiceWatchOptions;
  #sink: ServiceSink | undefined;
  #locality = '';

  /** Make it before the informers start. */
  constructor(options: ServiceWatchOptions) {
    this.#options = options;
    const { services, endpointSlices } = options;
    services.onChange((key) => this.#tell(key));
    endpointSlices.onChange((_key, current, previous) => {
      for (const service of new Set([serviceOf(current), serviceOf(previous)])) {
        if (service !== undefined) this.#tell(service);
      }
    });
  }

  /** Call when both copies are complete; until then nobody is told anything. */
  begin(sink: ServiceSink): void {
    const { services, locality } = this.#options;
    this.#sink = sink;
    this.#locality = idOf(locality());
    for (const service of services.list()) this.#tell(keyOf(service));
    sink.begin();
  }

  /** The machine has another zone, or another node. */
  onLocality(): void {
    const { services, locality } = this.#options;
    const id = idOf(locality());
    if (this.#sink === undefined || id === this.#locality) return;
    this.#locality = id;
    for (const service of services.list()) this.#tell(keyOf(service));
  }

  #tell(key: string): void {
    if (this.#sink === undefined) return;
    const { services, slicesOf, locality, onService } = this.#options;
    const [service, here] = [services.get(key), locality()];
    this.#sink.put(key, service === undefined ? [] : computePortals(service, slicesOf(key), here));
    onService?.(key, service, here);
  }
}

function keyOf({ metadata: { namespace = '', name } }: Service): string {
  return `${namespace}/${name}`;
}

function serviceOf(slice: EndpointSlice | undefined): string | undefined {
  const service = slice?.metadata.labels?.[SERVICE_NAME_LABEL];
  return service === undefined ? undefined : `${slice?.metadata.namespace ?? ''}/${service}`;
}

function idOf({ nodes, zone }: Locality): string {
  return [...nodes].sort().concat(zone).join(' ');
}
