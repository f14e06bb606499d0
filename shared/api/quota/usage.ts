/**
 * What objects take from a ResourceQuota, by the names that quotas use. Pure: the API server refuses by it, the quota
 * controller shows it. Source: Kubernetes, "Resource Quotas".
 */

import { addQuantities, formatQuantity, parseQuantity, type Quantity } from '../../machinery/quantity.ts';
import type { QuantityMap } from '../../machinery/quantity-map.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';
import { storageClassOf } from '../columns/storage.ts';
import type { PersistentVolumeClaim } from '../persistent-volume-claim.ts';
import type { Pod } from '../pod.ts';
import type { ResourceQuota, ResourceQuotaSpec } from '../resource-quota.ts';
import type { Service } from '../service.ts';
import { podUsage } from './pod-usage.ts';
import { hasScopes, matchesScopes } from './scopes.ts';

export interface CountedKind {
  group: string;
  kind: string;
  plural: string;
}

/** Amounts of one object or a sum, by the quota's name of the resource. */
export type Usage = ReadonlyMap<string, Quantity>;

/** Kinds of the core group whose plural alone is a name, too. */
const PLAIN_COUNTS: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'persistentvolumeclaims',
  'configmaps',
  'secrets',
  'resourcequotas',
  'replicationcontrollers',
]);

const CLASS_SUFFIX = '.storageclass.storage.k8s.io/';

/** `count/deployments.apps`, `count/pods`. */
export function countNameOf({ group, plural }: Pick<CountedKind, 'group' | 'plural'>): string {
  return group === '' ? `count/${plural}` : `count/${plural}.${group}`;
}

/** Whether objects of this kind can take from a quota's resource of this name. */
export function isTakenBy(kind: CountedKind, name: string): boolean {
  if (name.startsWith('count/')) return name === countNameOf(kind);
  if (kind.group !== '') return false;
  if (PLAIN_COUNTS.has(name)) return name === kind.plural;
  switch (kind.kind) {
    case 'Service':
      return name.startsWith('services.');
    case 'PersistentVolumeClaim':
      return name === 'requests.storage' || name.includes(CLASS_SUFFIX);
    case 'Pod':
      return !name.startsWith('services.') && name !== 'requests.storage' && !name.includes(CLASS_SUFFIX);
    default:
      return false;
  }
}

/** Whether the quota is about this object at all. */
export function isCounted(
  spec: Pick<ResourceQuotaSpec, 'scopes' | 'scopeSelector'>,
  object: KubernetesObject,
): boolean {
  return isPod(object) ? matchesScopes(spec, object) : !hasScopes(spec);
}

/** What one object takes. */
export function usageOf(kind: CountedKind, object: KubernetesObject, nowMs: number): Usage {
  return new Map(Object.entries(amountsOf(kind, object, nowMs)).map(([name, amount]) => [name, parseQuantity(amount)]));
}

function amountsOf(kind: CountedKind, object: KubernetesObject, nowMs: number): QuantityMap {
  if (isPod(object)) return podUsage(object, nowMs);
  const counts = { [countNameOf(kind)]: '1', ...(kind.group === '' ? { [kind.plural]: '1' } : {}) };
  if (isService(object)) return { ...counts, ...serviceUsage(object) };
  return isClaim(object) ? { ...counts, ...claimUsage(object) } : counts;
}

function serviceUsage({ spec }: Service): QuantityMap {
  const ports = spec.ports?.length ?? 0;
  const isBalanced = spec.type === 'LoadBalancer';
  const hasNodePorts = spec.type === 'NodePort' || (isBalanced && spec.allocateLoadBalancerNodePorts !== false);
  const given = (spec.ports ?? []).filter(({ nodePort }) => nodePort).length;
  const nodePorts = hasNodePorts ? ports : isBalanced ? given : 0;
  return { 'services.nodeports': String(nodePorts), 'services.loadbalancers': isBalanced ? '1' : '0' };
}

function claimUsage(claim: PersistentVolumeClaim): QuantityMap {
  const storage = claim.spec.resources.requests?.['storage'] ?? '0';
  const name = storageClassOf(claim);
  const ofClass = name === '' ? '' : `${name}${CLASS_SUFFIX}`;
  return {
    'requests.storage': storage,
    ...(ofClass === '' ? {} : { [`${ofClass}requests.storage`]: storage, [`${ofClass}persistentvolumeclaims`]: '1' }),
  };
}

/** Sums of the named resources; what nobody takes is zero. */
export class UsageSum {
  readonly #sums: Map<string, Quantity>;

  constructor(names: Iterable<string>) {
    this.#sums = new Map([...names].map((name) => [name, { nanos: 0n, format: 'DecimalSI' }]));
  }

  add(usage: Usage): void {
    for (const [name, sum] of this.#sums) {
      const amount = usage.get(name);
      if (amount !== undefined) this.#sums.set(name, addQuantities(sum, amount));
    }
  }

  get(name: string): Quantity {
    return this.#sums.get(name) ?? { nanos: 0n, format: 'DecimalSI' };
  }

  /** As a status shows it. */
  toQuantities(): Record<string, string> {
    return Object.fromEntries([...this.#sums].map(([name, sum]) => [name, formatQuantity(sum)]));
  }
}

/** Names of resources that the quota limits. */
export function limitedNames({ spec }: ResourceQuota): string[] {
  return Object.keys(spec.hard ?? {});
}

function isPod(object: KubernetesObject): object is Pod {
  return object.kind === 'Pod' && object.apiVersion === 'v1';
}

function isService(object: KubernetesObject): object is Service {
  return object.kind === 'Service' && object.apiVersion === 'v1';
}

function isClaim(object: KubernetesObject): object is PersistentVolumeClaim {
  return object.kind === 'PersistentVolumeClaim' && object.apiVersion === 'v1';
}
