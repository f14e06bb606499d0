/** Puts the parts of the API server together. Nothing here decides anything: it says who gets whom. */
import type { LimitRange } from '../../shared/api/limit-range.ts';
import { RBAC_GROUP } from '../../shared/api/policy-rule.ts';
import type { PriorityClass } from '../../shared/api/priority-class.ts';
import { findSchema } from '../../shared/api/registry.ts';
import type { ResourceQuota } from '../../shared/api/resource-quota.ts';
import type { StorageClass } from '../../shared/api/storage-class.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import { MetricsRegistry } from '../../shared/platform/metrics.ts';
import { decodeProtobuf } from '../../shared/schema/protobuf.ts';
import type { Store } from '../store/store.ts';
import { type AdmissionOptions, createAdmissionChain } from './admission/chain.ts';
import { QuotaLedger } from './admission/quota/quota-ledger.ts';
import { ServiceAllocator } from './admission/service-addresses/service-allocator.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import { composeAuthorizer, composeResolver } from './authorization/compose-authorizer.ts';
import { ensureRbacDefaults } from './authorization/rbac/defaults/ensure-defaults.ts';
import { Catalog } from './discovery/catalog.ts';
import { OpenApiDocuments } from './discovery/openapi-documents.ts';
import { servedResourceOf } from './discovery/served-resource.ts';
import type { PathServices } from './endpoints/paths.ts';
import { RequestMetrics } from './health/request-metrics.ts';
import { measureServer } from './health/server-metrics.ts';
import { Responder } from './response/responder.ts';
import type { Services } from './services.ts';
import { createBootstrapObjects } from './startup/bootstrap-objects.ts';
import { EventExpiry } from './startup/event-expiry.ts';
import { KubernetesEndpoints } from './startup/kubernetes-endpoints.ts';
import type { AnyKind } from './storage/api-object.ts';
import { ObjectIndexes } from './storage/object-index.ts';
import { ObjectStore } from './storage/object-store.ts';
import { WatchHubs } from './storage/watch-hubs.ts';
import { virtualResources } from './virtual/all-virtual-resources.ts';
import type { VirtualResource } from './virtual/virtual-resource.ts';

export interface ServerParts {
  services: Services;
  catalog: Catalog;
  virtual: readonly VirtualResource[];
  paths: PathServices;
  metrics: RequestMetrics;
  /** Started in order, stopped in reverse. */
  components: readonly Component[];
}

/** Where pods find the API unless said. */
const DEFAULT_API_PORT = 6443;

type KindLookup = Services['kindOf'];

interface Storage {
  objects: ObjectStore;
  hubs: WatchHubs;
  kindOf: KindLookup;
  indexes: ObjectIndexes;
}

export function composeServer(options: ApiServerOptions, isReady: () => boolean): ServerParts {
  const { kinds, store, clock, random, logger, version } = options;
  const storage = composeStorage(options);
  const allocator = composeAllocator(options, storage);
  const virtual = virtualResources(kinds, { explain: options.explainPlacement, snapshots: options.snapshots });
  const catalog = new Catalog([...kinds.map(servedResourceOf), ...virtual.map(({ served }) => served)]);
  const registry = options.metrics ?? new MetricsRegistry();
  const metrics = new RequestMetrics(registry);
  measureServer(registry, { ...storage, store });
  const rules = composeResolver(storage);
  const authorize = options.authorize ?? composeAuthorizer(storage, rules);
  const policy = { allocator, ...(rules ? { escalation: { resolver: rules, authorize } } : {}) };
  const services: Services = {
    ...storage,
    clock,
    random,
    logger,
    admission: composeAdmission(options, storage, policy),
    authorize,
    rules,
    decodeProtobuf: (bytes) => decodeProtobuf(schemaLookup(kinds, virtual), bytes).object,
    responder: new Responder({ clock, readSensors: () => readSensors(storage) }),
    nodeProxy: options.nodeProxy,
    issueToken: options.issueToken,
    authenticateToken: options.authenticateToken,
  };
  const paths: PathServices = {
    catalog,
    documents: new OpenApiDocuments(catalog, version.gitVersion),
    version,
    checks: [...healthChecks(isReady, store), ...(options.healthChecks ?? [])],
    renderMetrics: () => registry.render() + (options.renderMoreMetrics?.() ?? ''),
  };
  return { services, catalog, virtual, paths, metrics, components: composeComponents(options, services, allocator) };
}

function composeStorage({ store, kinds, clock, logger }: ApiServerOptions): Storage {
  const objects = new ObjectStore(store);
  const hubs = new WatchHubs({ store, cache: objects.cache, clock, logger });
  const kindOf: KindLookup = (group, kind) => kinds.find((known) => known.group === group && known.kind === kind);
  return { objects, hubs, kindOf, indexes: new ObjectIndexes(objects, (kind) => hubs.of(kind), kindOf) };
}

function composeAllocator(
  { random, serviceCidrs }: ApiServerOptions,
  { objects, hubs, kindOf }: Storage,
): ServiceAllocator | undefined {
  const kind = kindOf('', 'Service');
  if (kind === undefined) return undefined;
  return new ServiceAllocator({ kind, objects, hub: hubs.of(kind), random, ...(serviceCidrs ? { serviceCidrs } : {}) });
}

function composeAdmission(
  { tolerationSeconds, issueToken, clock, random }: ApiServerOptions,
  { objects, hubs, kindOf, indexes }: Storage,
  policy: Pick<AdmissionOptions, 'allocator' | 'escalation'>,
): Services['admission'] {
  const namespaces = kindOf('', 'Namespace');
  const readNamespace = namespaces && ((name: string) => objects.get(namespaces, { namespace: '', name }));
  const accounts = kindOf('', 'ServiceAccount');
  const readServiceAccount =
    accounts && ((namespace: string, name: string) => objects.get(accounts, { namespace, name }));
  return createAdmissionChain({
    ...policy,
    readNamespace,
    ledger: new QuotaLedger({ objects, hubOf: (kind) => hubs.of(kind), clock }),
    readers: {
      storageClasses: indexes.make<StorageClass>('storage.k8s.io', 'StorageClass'),
      limitRanges: indexes.make<LimitRange>('', 'LimitRange'),
      resourceQuotas: indexes.make<ResourceQuota>('', 'ResourceQuota'),
      priorityClasses: indexes.make<PriorityClass>('scheduling.k8s.io', 'PriorityClass'),
    },
    ...(readServiceAccount ? { readServiceAccount } : {}),
    ...(readServiceAccount && issueToken ? { accounts: { readServiceAccount, clock, random } } : {}),
    ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
  });
}

function schemaLookup(kinds: readonly AnyKind[], virtual: readonly VirtualResource[]) {
  return (apiVersion: string, kind: string) => {
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    const matches = (known: { group: string; version: string; kind: string }): boolean =>
      known.kind === kind && known.group === group && known.version === version;
    return (
      kinds.find(matches)?.schema ??
      virtual.find(({ served }) => matches(served))?.schema ??
      findSchema(group, version, kind)
    );
  };
}

async function readSensors({ objects, kindOf }: Storage) {
  const kind = kindOf('bramble.dev', 'NodeSensors');
  if (kind === undefined) return [];
  return (await objects.list(kind, { namespace: '' })).items.map(({ object }) => object);
}

function healthChecks(isReady: () => boolean, store: Store): PathServices['checks'] {
  const all = ['healthz', 'livez', 'readyz'] as const;
  return [
    { name: 'ping', paths: all, check: async () => undefined },
    {
      // Kubernetes' name of the check of the store, whatever the store is.
      name: 'etcd',
      paths: all,
      check: async () => void (await store.get('/registry/health')),
    },
    {
      name: 'poststarthook/bootstrap-objects',
      paths: ['readyz'],
      check: async () => {
        if (!isReady()) throw new Error('the server is still starting');
      },
    },
  ];
}

function composeComponents(
  { kinds, apiPort = DEFAULT_API_PORT, advertiseAddress, clock, logger }: ApiServerOptions,
  services: Services,
  allocator: ServiceAllocator | undefined,
): Component[] {
  const { objects, hubs, kindOf } = services;
  const events = kindOf('', 'Event');
  const slices = advertiseAddress && kindOf('discovery.k8s.io', 'EndpointSlice');
  const endpoints = { deps: services, apiPort, clock, logger };
  const bootstrap = { deps: services, kindOf, serviceAddress: allocator?.firstAddress ?? '', apiPort };
  return [
    { start: async () => hubs.start(kinds), stop: async () => hubs.stop() },
    ...(allocator ? [{ start: () => allocator.start(), stop: async () => allocator.stop() }] : []),
    { start: () => createBootstrapObjects(bootstrap), stop: nothing },
    { start: () => createRbacDefaults(services), stop: nothing },
    ...(slices ? [new KubernetesEndpoints({ ...endpoints, kind: slices, advertiseAddress })] : []),
    ...(events ? [new EventExpiry({ kind: events, objects, hub: hubs.of(events), clock, logger })] : []),
  ];
}

async function createRbacDefaults(services: Services): Promise<void> {
  const clusterRole = services.kindOf(RBAC_GROUP, 'ClusterRole');
  const clusterRoleBinding = services.kindOf(RBAC_GROUP, 'ClusterRoleBinding');
  if (!clusterRole || !clusterRoleBinding) return;
  await ensureRbacDefaults(services, { clusterRole, clusterRoleBinding });
}

async function nothing(): Promise<void> {
  // Some parts only start, some only stop.
}
