/** How safe a pod is when memory runs out. Source: Kubernetes documentation, "Pod Quality of Service Classes". */
import type { Container } from '../../../shared/api/container.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { parseQuantity } from '../../../shared/machinery/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const COUNTED = ['cpu', 'memory'] as const;

/** Guaranteed: every container has limits for both and requests nothing else. BestEffort: nobody asks for anything. */
export function computeQosClass(spec: Pick<PodSpec, 'containers' | 'initContainers' | 'resources'>): QosClass {
  // Amounts of the pod as a whole count in the place of those of its containers.
  if (spec.resources !== undefined && !asksForNothing({ resources: spec.resources })) {
    return isGuaranteed({ resources: spec.resources }) ? 'Guaranteed' : 'Burstable';
  }
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  if (containers.every(asksForNothing)) return 'BestEffort';
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function asksForNothing({ resources }: Pick<Container, 'resources'>): boolean {
  return COUNTED.every((name) => isZero(resources?.requests?.[name]) && isZero(resources?.limits?.[name]));
}

function isGuaranteed({ resources }: Pick<Container, 'resources'>): boolean {
  return COUNTED.every((name) => {
    const limit = resources?.limits?.[name];
    if (limit === undefined || isZero(limit)) return false;
    const request = resources?.requests?.[name] ?? limit;
    return parseQuantity(request).nanos === parseQuantity(limit).nanos;
  });
}

function isZero(quantity: string | undefined): boolean {
  return quantity === undefined || parseQuantity(quantity).nanos === 0n;
}
