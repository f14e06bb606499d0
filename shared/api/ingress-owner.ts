/** Pure: which Ingresses the nodes of this cluster serve. Source: Kubernetes documentation, "Ingress class", and the annotation that came before. */
import type { Ingress } from './ingress.ts';
import type { IngressClass } from './ingress-class.ts';
import { DEFAULT_INGRESS_CLASS_ANNOTATION, INGRESS_CLASS_ANNOTATION, INGRESS_CONTROLLER } from './ingress-names.ts';

export function isOurs({ metadata, spec }: Ingress, classes: readonly IngressClass[]): boolean {
  const ours = classes.filter((one) => one.spec.controller === INGRESS_CONTROLLER);
  const name = spec.ingressClassName ?? metadata.annotations?.[INGRESS_CLASS_ANNOTATION];
  if (name !== undefined) return ours.some((one) => one.metadata.name === name);
  return ours.some((one) => one.metadata.annotations?.[DEFAULT_INGRESS_CLASS_ANNOTATION] === 'true');
}
