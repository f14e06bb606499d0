/** Pure: where a userspace proxy has to listen for a service: on its addresses, and on the node's own for node ports. */
import { familyOf } from '../../../shared/machinery/ip-range.ts';
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
 * external ones; to those the LAN leads by itself. `own`: this machine's addresses on the LAN.
 */
export function computeListeners(portals: readonly Portal[], own: readonly string[]): Listener[] {
  const isOwn = (address: string): boolean => own.includes(address);
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
      ...(nodePort > 0 ? nodePortAddresses(portal, own).map((address) => make(address, nodePort, outside)) : []),
    ];
  });
}

/** An answer by UDP must come from the address that was asked: one socket for all addresses would not know it. */
function nodePortAddresses({ protocol, family }: Portal, own: readonly string[]): string[] {
  return protocol === 'TCP' ? [''] : own.filter((address) => familyOf(address) === family);
}
