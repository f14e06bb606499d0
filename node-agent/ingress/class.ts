/** Pure: which Ingresses are ours. Source: Kubernetes documentation, "Ingress class", and the annotation that came before. */
import type { Ingress } from '../../shared/api/ingress.ts';
import type { IngressClass } from '../../shared/api/ingress-class.ts';
import {
  DEFAULT_INGRESS_CLASS_ANNOTATION,
  INGRESS_CLASS_ANNOTATION,
  INGRESS_CONTROLLER,
} from '../../shared/api/ingress-names.ts';

export function isOurs({ metadata, spec }: Ingress, classes: readonly IngressClass[]): boolean {
  const ours = classes.filter((one) => one.spec.controller === INGRESS_CONTROLLER);
  const name = spec.ingressClassName ?? metadata.annotations?.[INGRESS_CLASS_ANNOTATION];
  if (name !== undefined) return ours.some((one) => one.metadata.name === name);
  return ours.some((one) => one.metadata.annotations?.[DEFAULT_INGRESS_CLASS_ANNOTATION] === 'true');
}
