/**
 * Pure: which UDP flows the kernel has to forget. UDP has no end of a connection: as long as a client does not fall silent,
 * what it says goes where its first datagram went, whatever has become of that place.
 */
import type { Portal, Target } from '../services/portal.ts';

/** `target`: to a pod that has gone. `missed`: begun before anybody led it anywhere. `service`: all to that address. */
export interface LostFlow {
  type: 'target' | 'missed' | 'service';
  /** Empty: any; of a node port. */
  address: string;
  port: number;
}

export function computeLostFlows(before: readonly Portal[], after: readonly Portal[]): LostFlow[] {
  const [gone, kept] = [udpTargets(before), udpTargets(after)];
  const [served, had] = [udpEntrances(after), udpEntrances(before)];
  return [
    ...[...gone].filter(([id]) => !kept.has(id)).map(([, flow]) => flow),
    ...[...served].filter(([id]) => !had.has(id)).map(([, flow]) => flow),
  ];
}

/** Arguments of `conntrack -D` after the family; flows that were led elsewhere answer from elsewhere. */
export function renderFlow({ type, address, port }: LostFlow): string[] {
  if (type === 'target') return ['--reply-src', address, '--reply-port-src', `${port}`];
  const to = [...(address === '' ? [] : ['--orig-dst', address]), '--orig-port-dst', `${port}`];
  if (type === 'service') return to;
  return [...to, ...(address === '' ? ['--reply-port-src', `${port}`] : ['--reply-src', address])];
}

function udpTargets(portals: readonly Portal[]): Map<string, LostFlow> {
  const targets = portals.filter(isUdp).flatMap(({ internal, external }) => {
    return [...internal, ...external.cluster, ...external.local];
  });
  return new Map(
    targets.map(({ address, port }: Target) => [`${address} ${port}`, { type: 'target', address, port } as const]),
  );
}

/** Where clients of services come in that have somebody to answer. */
function udpEntrances(portals: readonly Portal[]): Map<string, LostFlow> {
  const served = portals.filter(({ internal, external }) => internal.length + external.cluster.length > 0);
  const entrances = served
    .filter(isUdp)
    .flatMap(({ frontends, port, nodePort, family }) => [
      ...frontends.map(({ address }) => ({ family, address, port })),
      ...(nodePort > 0 ? [{ family, address: '', port: nodePort }] : []),
    ]);
  return new Map(
    entrances.map(({ family, address, port }) => {
      return [`${family} ${address} ${port}`, { type: 'missed', address, port } as const];
    }),
  );
}

function isUdp({ protocol }: Portal): boolean {
  return protocol === 'UDP';
}
