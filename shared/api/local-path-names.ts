/**
 * Words that master and agents share about volumes of the provisioner `bramble.dev/local-path`; docs/storage.md says how
 * they are used.
 */

export const LOCAL_PATH_PROVISIONER = 'bramble.dev/local-path';

/** On a volume: who made it, and so who removes it. */
export const PROVISIONED_BY_ANNOTATION = 'pv.kubernetes.io/provisioned-by';

/** On a volume: its directory may still be there. Removed by the agent of its node, or when the node is gone. */
export const LOCAL_PATH_FINALIZER = 'bramble.dev/local-path';

/** Label on a volume: the agent of this node removes the directory with all that is in it. */
export const REMOVE_VOLUME_LABEL = 'bramble.dev/remove-volume-on';

/** Annotation on a Node: the directory below which its agent keeps volumes. */
export const VOLUMES_DIRECTORY_ANNOTATION = 'bramble.dev/volumes-directory';
