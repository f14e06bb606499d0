/** Words of Ingresses, for programs that hold no schemas. */

/** The controller of IngressClasses that the agents serve, and the class that every cluster begins with. */
export const INGRESS_CONTROLLER = 'bramble.dev/ingress';
export const INGRESS_CLASS = 'bramble';

/** Marks the class of Ingresses that name none. */
export const DEFAULT_INGRESS_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

/** What came before `ingressClassName`. */
export const INGRESS_CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/** Of a Node: the ports at which it serves Ingresses, as `80,443`; absent: it does not. */
export const INGRESS_PORTS_ANNOTATION = 'bramble.dev/ingress-ports';

/** Of a Node: why it does not serve Ingresses although there are some. */
export const INGRESS_CONDITION = 'bramble.dev/IngressUnavailable';
