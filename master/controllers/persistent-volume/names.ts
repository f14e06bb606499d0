/** Annotations and finalizers by which binding is recorded. Source: Kubernetes, "Well-Known Labels, Annotations and Taints". */

/** On a claim: it has been bound; what it lacks now it has lost. */
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
/** The other half was filled in by the controller and not by the user. */
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
/** On a claim: who is asked to make its volume. */
export const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
/** On a claim: the node for which its volume is to be made; set by the scheduler. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';

/** The provisioner of classes whose volumes are made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';
