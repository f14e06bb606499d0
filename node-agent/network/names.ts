/**
 * Everything that the agent makes on a machine is called bramble, so that people know whose it is, and so that it can be
 * removed. Several nodes on one machine have a bridge each; several clusters on one machine have a tag each.
 */
import { createHash } from 'node:crypto';

export interface NetworkNames {
  /** Table of nftables, and the comment on what has to stand in tables of others. */
  table: string;
  /** Device of tunnels to nodes on other segments. */
  tunnel: string;
  /** Device that holds the addresses of services where the kernel cannot forward them. */
  services: string;
  /** Device that holds addresses of load balancers. */
  balancers: string;
  /** Where agents of one cluster on one machine find each other. */
  meeting: string;
  /** Docker network of the node's pods, and its bridge. */
  network: string;
  bridge: string;
}

/** Device names hold 15 characters. */
const HASH_CHARS = 4;

/** `tag`: empty for the one cluster of a machine; at most four lower-case letters and digits otherwise. */
export function computeNames(node: string, tag: string): NetworkNames {
  const hash = createHash('sha256').update(node).digest('hex').slice(0, HASH_CHARS);
  const suffix = tag === '' ? '' : `-${tag}`;
  return {
    table: `bramble${suffix}`,
    tunnel: tag === '' ? 'bramble-vxlan' : `bramble-vx-${tag}`,
    services: tag === '' ? 'bramble-svc' : `bramble-sv-${tag}`,
    balancers: tag === '' ? 'bramble-lb' : `bramble-lb-${tag}`,
    meeting: `bramble-network${suffix}`,
    network: `bramble-${node}`,
    bridge: `br-bramble-${hash}`,
  };
}

/** What `computeNames` accepts. */
export const NETWORK_TAG = /^[a-z0-9]{0,4}$/;
