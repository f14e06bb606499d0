/** What the network of a node is made of on a real machine (adapter: Docker, programs, files of the kernel). */
import { systemClock } from '../shared/platform/clock.ts';
import { DockerClient } from './container-runtime/docker-client.ts';
import { DockerNetworks } from './container-runtime/docker-networks.ts';
import type { PodNetworkDoor } from './container-runtime/docker-runtime.ts';
import { RuntimeError } from './container-runtime/runtime.ts';
import { nodeKernelSettings } from './network/node-kernel-settings.ts';
import { OwnAddresses } from './network/own-addresses.ts';
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
  return {
    name() {
      const present = network();
      if (present === undefined) throw new RuntimeError('failed', 'the network of the pods is not made yet');
      return present.name();
    },
    onSandbox: async () => network()?.onSandbox(),
  };
}
