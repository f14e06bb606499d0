/** What the network of a node is made of on a real machine (adapter: Docker, programs, files of the kernel). */
import { readdir } from 'node:fs/promises';
import { systemClock } from '../shared/platform/clock.ts';
import { DockerClient } from './container-runtime/docker-client.ts';
import { DockerNetworks } from './container-runtime/docker-networks.ts';
import type { PodNetworkDoor } from './container-runtime/pod-network-door.ts';
import { RuntimeError } from './container-runtime/runtime.ts';
import { nodeKernelSettings } from './network/node-kernel-settings.ts';
import { OwnAddresses } from './network/own-addresses.ts';
import { attachPort } from './network/pod-port.ts';
import type { NetworkTools, NodeNetwork } from './node-network.ts';
import { createNodeShell } from './node-shell.ts';
import type { AgentFlags } from './options.ts';

export function createNetworkTools({ networkTag, proxy, dockerSocket }: AgentFlags): NetworkTools {
  return {
    tag: networkTag,
    isUserspace: proxy === 'userspace',
    engine: new DockerNetworks(new DockerClient({ socketPath: dockerSocket, clock: systemClock })),
    shell: createNodeShell(systemClock),
    settings: nodeKernelSettings,
    addresses: new OwnAddresses(systemClock),
  };
}

/** The runtime is made before the network that it asks. */
export function createPodNetworkDoor(network: () => NodeNetwork | undefined): PodNetworkDoor {
  const present = (): NodeNetwork => {
    const found = network();
    if (found === undefined) throw new RuntimeError('failed', 'the network of the pods is not made yet');
    return found;
  };
  const tools = { shell: createNodeShell(systemClock), settings: nodeKernelSettings, nodePid: process.pid };
  return {
    name: () => present().name(),
    onSandbox: async () => network()?.onSandbox(),
    ports: {
      subnets: () => present().place().subnets,
      async attach(port) {
        const problem = await attachPort(tools, present().place(), port);
        if (problem !== undefined) throw new RuntimeError('failed', problem);
      },
      list: () => listPorts(present().bridge),
    },
  };
}

/** Nothing but a bridge that is gone means that no port stands: whole pods are made anew for it. */
async function listPorts(bridge: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(`/sys/class/net/${bridge}/brif`));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Set();
    throw new RuntimeError('failed', `the ports of ${bridge} cannot be listed: ${String(error)}`);
  }
}
