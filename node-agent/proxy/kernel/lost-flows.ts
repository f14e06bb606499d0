/**
 * Pure: which UDP targets have gone. UDP has no end of a connection: the kernel would go on sending what a client says to a
 * pod that is no more, as long as the client does not fall silent.
 */
import type { Portal, Target } from '../services/portal.ts';

export interface LostFlow {
  address: string;
  port: number;
}

export function computeLostFlows(before: readonly Portal[], after: readonly Portal[]): LostFlow[] {
  const kept = udpTargets(after);
  return [...udpTargets(before)].filter(([id]) => !kept.has(id)).map(([, flow]) => flow);
}

function udpTargets(portals: readonly Portal[]): Map<string, LostFlow> {
  const udp = portals.filter(({ protocol }) => protocol === 'UDP');
  const targets = udp.flatMap(({ internal, external }) => [...internal, ...external.cluster, ...external.local]);
  return new Map(targets.map(({ address, port }: Target) => [`${address} ${port}`, { address, port }]));
}
