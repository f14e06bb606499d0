/** The word by which nodes tell where they hand out images: a Node's annotation, the port at its InternalIP. */
export const PEER_PORT_ANNOTATION = 'bramble.dev/peer-port';
