/** Pure: where a userspace proxy has to listen for a service: on its addresses, and on the node's own for node ports. */
import type { Portal, Target } from '../services/portal.ts';

export interface Listener {
  /** `tcp 10.43.0.9 80`; the same listener of another service is another one's. */
  id: string;
  protocol: 'TCP' | 'UDP';
  /** Empty: all addresses of the machine. */
  address: string;
  port: number;
  /** Nobody has the address but the service: this machine has to take it. */
  isTaken: boolean;
  targets: readonly Target[];
  affinitySeconds: number;
}

/**
 * SCTP is left out: there is no SCTP without the kernel's help. So are addresses of others: the balancer's at another node,
 * external ones; to those the LAN leads by itself. `isOwn`: whether an address is this machine's.
 */
export function computeListeners(portals: readonly Portal[], isOwn: (address: string) => boolean): Listener[] {
  return portals.flatMap((portal) => {
    const { protocol, port, nodePort, internal, external, affinitySeconds, frontends } = portal;
    if (protocol === 'SCTP') return [];
    const outside = external.policy === 'local' ? external.local : external.cluster;
    const make = (address: string, number: number, targets: readonly Target[]): Listener => {
      const id = `${protocol.toLowerCase()} ${address} ${number}`;
      const isTaken = address !== '' && !isOwn(address);
      return { id, protocol, address, port: number, isTaken, targets, affinitySeconds };
    };
    const reached = frontends.filter(({ kind, address }) => kind === 'ClusterIP' || isOwn(address));
    return [
      ...reached.map(({ kind, address }) => make(address, port, kind === 'ClusterIP' ? internal : outside)),
      ...(nodePort > 0 ? [make('', nodePort, outside)] : []),
    ];
  });
}
