/**
 * Where the master remembers since when certificates of a node's name count, once another board has been given the name: a
 * ConfigMap with a time for each such name. Earlier certificates are refused.
 */
export const NODE_IDENTITIES = { namespace: 'kube-system', name: 'node-identities' } as const;

/** Annotation of a node's signing request, and label of its Node: the serial number of the board. */
export const BOARD_SERIAL = 'bramble.dev/serial';
