/** Removes what the network of a node left on a machine; idempotent. What is shared goes with the last agent of the machine. */
import type { Shell } from '../../shared/platform/shell.ts';
import { closeDockerFirewall } from './docker-firewall.ts';
import type { NetworkNames } from './names.ts';
import type { PodNetworkEngine } from './pod-network-engine.ts';
import { ROUTE_PROTOCOL } from './route-commands.ts';

export interface RemovalOptions {
  names: NetworkNames;
  engine: PodNetworkEngine;
  shell: Shell;
  /** Another agent of the cluster keeps this machine's network. */
  isShared: boolean;
  /** One cluster a machine: all routes that carry our mark are this cluster's. */
  isAlone: boolean;
}

export async function removeNetwork({ names, engine, shell, isShared, isAlone }: RemovalOptions): Promise<void> {
  try {
    const record = await engine.findNetwork(names.network);
    for (const container of record?.containers ?? []) await engine.removeContainer(container);
    if (record !== undefined) await engine.removeNetwork(names.network);
  } catch {
    // An engine that is away for good leaves its bridge behind; one that comes back makes it again.
    await shell.run('ip', ['link', 'del', names.bridge]);
  }
  if (isShared) return;
  await shell.run('nft', ['delete', 'table', 'inet', names.table]);
  await closeDockerFirewall(shell, names.table);
  await shell.run('ip', ['link', 'del', names.tunnel]);
  await shell.run('ip', ['link', 'del', names.services]);
  await shell.run('ip', ['link', 'del', names.balancers]);
  if (!isAlone) return;
  for (const family of ['-4', '-6']) await shell.run('ip', [family, 'route', 'flush', 'proto', ROUTE_PROTOCOL]);
}
