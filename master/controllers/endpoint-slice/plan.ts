/**
 * Turns wanted endpoints into writes of slices, as few as possible: an endpoint stays in the slice in which it is, a slice
 * that does not change is not written, new endpoints go where something is written anyway, or else where there is room.
 * Pure. Source: Kubernetes, "EndpointSlices: Distribution of EndpointSlices".
 */
import {
  type Endpoint,
  type EndpointSlice,
  EndpointSliceKind,
  MANAGED_BY_LABEL,
  SERVICE_NAME_LABEL,
} from '../../../shared/api/endpoint-slice.ts';
import { type Service, ServiceKind } from '../../../shared/api/service.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { controllerReference } from '../../../shared/machinery/owner-references.ts';
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { type AddressType, addressTypesOf, type EndpointGroup } from './endpoints.ts';

/** Endpoints in one slice; more only where somebody else has written it. */
export const MAX_ENDPOINTS_PER_SLICE = 100;

export const CONTROLLER_NAME = 'endpointslice-controller.k8s.io';

const HEADLESS_LABEL = 'service.kubernetes.io/headless';

export interface SliceChanges {
  creates: Draft<EndpointSlice>[];
  updates: EndpointSlice[];
  deletes: EndpointSlice[];
}

export interface SlicesInput {
  service: Service;
  /** Slices of the service that this controller keeps. */
  existing: readonly EndpointSlice[];
  groups: readonly EndpointGroup[];
}

/** A slice on its way to its next state. */
interface Work {
  slice: EndpointSlice;
  endpoints: Endpoint[];
  isChanged: boolean;
}

export function computeSliceChanges(input: SlicesInput): SliceChanges {
  const changes: SliceChanges = { creates: [], updates: [], deletes: [] };
  const groups = withPlaceholders(input);
  const left = new Set(input.existing);
  for (const group of groups) {
    const own = [...left].filter((slice) => isOfGroup(slice, group));
    for (const slice of own) left.delete(slice);
    planGroup(input.service, { group, own }, changes);
  }
  changes.deletes.push(...left);
  return changes;
}

/** A service without endpoints keeps one empty slice a family, so that readers know that there are none. */
function withPlaceholders({ service, groups }: SlicesInput): EndpointGroup[] {
  const missing = addressTypesOf(service).filter((type) => !groups.some(({ addressType }) => addressType === type));
  return [...groups, ...missing.map((addressType) => ({ addressType, ports: [], endpoints: [] }))];
}

function isOfGroup({ addressType, ports = [] }: EndpointSlice, group: EndpointGroup): boolean {
  return addressType === group.addressType && jsonEqual(ports, group.ports);
}

function planGroup(
  service: Service,
  { group, own }: { group: EndpointGroup; own: readonly EndpointSlice[] },
  changes: SliceChanges,
): void {
  const wanted = new Map(group.endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const works = own.map((slice) => keepWanted(slice, wanted));
  const rest = place(works, [...wanted.values()]);
  for (let start = 0; start < rest.length; start += MAX_ENDPOINTS_PER_SLICE) {
    changes.creates.push(newSlice(service, group, rest.slice(start, start + MAX_ENDPOINTS_PER_SLICE)));
  }
  if (group.endpoints.length === 0) keepOneEmpty(service, { group, works }, changes);
  else collect(service, works, changes);
}

/** Takes what the slice already has out of `wanted`. */
function keepWanted(slice: EndpointSlice, wanted: Map<string, Endpoint>): Work {
  const endpoints: Endpoint[] = [];
  for (const endpoint of slice.endpoints) {
    const identity = identityOf(endpoint);
    const next = wanted.get(identity);
    if (next !== undefined) endpoints.push(next);
    wanted.delete(identity);
  }
  return { slice, endpoints, isChanged: !jsonEqual(endpoints, slice.endpoints) };
}

/** The same pod with another address is another endpoint. */
function identityOf({ targetRef, addresses }: Endpoint): string {
  return `${targetRef?.uid ?? ''} ${addresses.join(',')}`;
}

/** Puts endpoints into slices that have room; gives back those that need new slices. */
function place(works: readonly Work[], endpoints: Endpoint[]): Endpoint[] {
  let rest = endpoints;
  for (const work of works.filter(({ isChanged }) => isChanged)) {
    const room = Math.max(0, MAX_ENDPOINTS_PER_SLICE - work.endpoints.length);
    work.endpoints.push(...rest.slice(0, room));
    rest = rest.slice(room);
  }
  // One more slice may be written for what does not fill a new one: the fullest that takes all of it.
  const odd = rest.length % MAX_ENDPOINTS_PER_SLICE;
  const [fullest] = works
    .filter(({ isChanged, endpoints: { length } }) => !isChanged && length + odd <= MAX_ENDPOINTS_PER_SLICE)
    .sort((a, b) => b.endpoints.length - a.endpoints.length);
  if (odd === 0 || fullest === undefined) return rest;
  fullest.endpoints.push(...rest.slice(rest.length - odd));
  fullest.isChanged = true;
  return rest.slice(0, rest.length - odd);
}

function collect(service: Service, works: readonly Work[], changes: SliceChanges): void {
  for (const work of works) {
    if (work.endpoints.length === 0) changes.deletes.push(work.slice);
    else updateIfChanged(service, work, changes);
  }
}

function keepOneEmpty(
  service: Service,
  { group, works }: { group: EndpointGroup; works: readonly Work[] },
  changes: SliceChanges,
): void {
  const [first, ...others] = works;
  if (first === undefined) changes.creates.push(newSlice(service, group, []));
  else updateIfChanged(service, first, changes);
  changes.deletes.push(...others.map(({ slice }) => slice));
}

function updateIfChanged(service: Service, { slice, endpoints, isChanged }: Work, changes: SliceChanges): void {
  const labels = labelsOf(service);
  if (!isChanged && jsonEqual(slice.metadata.labels, labels)) return;
  changes.updates.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints });
}

/** The service's own labels, and whose slice it is. */
function labelsOf({ metadata, spec }: Service): Record<string, string> {
  return {
    ...metadata.labels,
    ...(spec.clusterIP === 'None' ? { [HEADLESS_LABEL]: '' } : {}),
    [SERVICE_NAME_LABEL]: metadata.name,
    [MANAGED_BY_LABEL]: CONTROLLER_NAME,
  };
}

function newSlice(
  service: Service,
  { addressType, ports }: { addressType: AddressType; ports: EndpointGroup['ports'] },
  endpoints: Endpoint[],
): Draft<EndpointSlice> {
  const { name, namespace } = service.metadata;
  const owner = { apiVersion: apiVersionOf(ServiceKind), kind: ServiceKind.kind, metadata: service.metadata };
  return {
    apiVersion: apiVersionOf(EndpointSliceKind),
    kind: EndpointSliceKind.kind,
    metadata: {
      generateName: `${name}-`,
      ...(namespace ? { namespace } : {}),
      labels: labelsOf(service),
      ownerReferences: [controllerReference(owner)],
    },
    addressType,
    endpoints,
    ports,
  };
}
