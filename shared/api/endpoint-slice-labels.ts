/** Labels of EndpointSlices, for programs that hold no schemas. */

/** Names the service that a slice belongs to. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** Names who keeps a slice: others leave it alone. */
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
