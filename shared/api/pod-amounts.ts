/**
 * What a pod asks for as a whole, and its limits, exactly. Pure. Its containers run together; its init containers run one
 * after the other before them, except those that go on running (sidecars), which count with everything that starts after
 * them. The scheduler's arithmetic is that of pod-requests.ts, in rounded numbers. Source: Kubernetes, "Init Containers:
 * Resource sharing within containers", "Pod Overhead".
 */
import { addQuantityMaps, maxQuantityMaps, type QuantityMap } from '../machinery/quantity-map.ts';
import type { PodSpec } from './pod-spec.ts';

export function podRequests(spec: PodSpec): QuantityMap {
  const whole = amountsOf(spec, 'requests');
  return addQuantityMaps(whole, spec.overhead ?? {});
}

/** To limits, the overhead is added only where there is a limit. */
export function podLimits(spec: PodSpec): QuantityMap {
  const whole = amountsOf(spec, 'limits');
  const overhead = Object.entries(spec.overhead ?? {}).filter(([name]) => Object.hasOwn(whole, name));
  return addQuantityMaps(whole, Object.fromEntries(overhead));
}

function amountsOf(spec: PodSpec, part: 'requests' | 'limits'): QuantityMap {
  let sidecars: QuantityMap = {};
  let most: QuantityMap = {};
  for (const { resources, restartPolicy } of spec.initContainers ?? []) {
    const withOwn = addQuantityMaps(sidecars, resources?.[part] ?? {});
    most = maxQuantityMaps(most, withOwn);
    if (restartPolicy === 'Always') sidecars = withOwn;
  }
  const main = spec.containers.map(({ resources }) => resources?.[part] ?? {});
  const together = main.reduce<QuantityMap>(addQuantityMaps, sidecars);
  // What the pod itself asks for takes the place of what its containers do.
  return { ...maxQuantityMaps(most, together), ...spec.resources?.[part] };
}
