/**
 * Pure: the address that a Service of type LoadBalancer has of the pool. Invariants: an address is one Service's only, and
 * stays it for as long as the Service wants none else; of two that claim one, the older keeps it.
 */
import type { Service } from '../../../shared/api/service.ts';
import { type AddressSpan, addressesOfPool, poolHas } from '../../../shared/machinery/address-pool.ts';

export interface PoolChoice {
  /** undefined: none is to be had. */
  address: string | undefined;
  /** For people, when it is not what was wanted. */
  problem: string | undefined;
}

/** `taken`: what other Services hold. */
export function choosePoolAddress(
  { spec, status }: Service,
  pool: readonly AddressSpan[],
  taken: ReadonlySet<string>,
): PoolChoice {
  const usable = (ip: string | undefined): ip is string => ip !== undefined && poolHas(pool, ip) && !taken.has(ip);
  const wanted = spec.loadBalancerIP || undefined;
  if (wanted !== undefined) {
    if (usable(wanted)) return { address: wanted, problem: undefined };
    const why = poolHas(pool, wanted) ? 'another service has it' : 'the pool of the cluster does not have it';
    return { address: undefined, problem: `${wanted} is not to be had: ${why}` };
  }
  const present = status.loadBalancer.ingress?.map(({ ip }) => ip).find(usable);
  if (present !== undefined) return { address: present, problem: undefined };
  for (const address of addressesOfPool(pool)) if (!taken.has(address)) return { address, problem: undefined };
  return { address: undefined, problem: 'the pool of addresses for load balancers is used up' };
}

/** What the others hold of it: addresses that they have, but for those of younger ones that this one has too. */
export function takenByOthers(own: Service, others: readonly Service[]): Set<string> {
  const mine = new Set(ipsOf(own));
  const held = others.flatMap((other) => ipsOf(other).filter((ip) => !mine.has(ip) || isOlder(other, own)));
  return new Set(held);
}

function ipsOf({ spec, status, metadata }: Service): string[] {
  if (spec.type !== 'LoadBalancer' || metadata.deletionTimestamp !== undefined) return [];
  return (status.loadBalancer.ingress ?? []).flatMap(({ ip }) => ip ?? []);
}

function isOlder(a: Service, b: Service): boolean {
  const [first, second] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.uid}`);
  return (first ?? '') < (second ?? '');
}
