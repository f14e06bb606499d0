/** Networks of pods on a Docker engine. What newer engines would drop or rewrite is switched off for ours, and only for ours. */
import type { ContainerSummary, DockerClient } from './docker-client.ts';
import { isRuntimeError } from './docker-errors.ts';
import { LABEL } from './docker-labels.ts';

export interface DockerNetworkRequest {
  name: string;
  bridge: string;
  subnets: readonly string[];
  node: string;
  masquerade: boolean;
}

export interface DockerNetworkRecord {
  subnets: readonly string[];
  bridge: string;
  containers: readonly string[];
}

const BRIDGE_NAME = 'com.docker.network.bridge.name';

export class DockerNetworks {
  readonly #docker: DockerClient;

  constructor(docker: DockerClient) {
    this.#docker = docker;
  }

  async findNetwork(name: string): Promise<DockerNetworkRecord | undefined> {
    try {
      const { IPAM, Options, Containers } = await this.#docker.inspectNetwork(name);
      const subnets = (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []);
      // The engine does not know of ports that the node made.
      const own = await this.#docker.listContainers([`${LABEL.network}=${name}`]);
      const containers = [...Object.keys(Containers ?? {}), ...own.filter(isRunning).map(({ Id }) => Id)];
      return { subnets, bridge: Options?.[BRIDGE_NAME] ?? '', containers };
    } catch (error) {
      if (isRuntimeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  createNetwork(request: DockerNetworkRequest): Promise<void> {
    return this.#docker.createNetwork(renderNetwork(request));
  }

  removeNetwork(name: string): Promise<void> {
    return this.#docker.removeNetwork(name);
  }

  removeContainer(id: string): Promise<void> {
    return this.#docker.removeContainer(id);
  }
}

function isRunning({ State }: ContainerSummary): boolean {
  return State === 'running';
}

/** Source: Docker Engine API, NetworkCreate; Docker's page "Packet filtering and firewalls". Unknown options are ignored. */
export function renderNetwork({ name, bridge, subnets, node, masquerade }: DockerNetworkRequest) {
  return {
    Name: name,
    Driver: 'bridge',
    CheckDuplicate: true,
    EnableIPv6: subnets.some((subnet) => subnet.includes(':')),
    IPAM: { Driver: 'default', Config: subnets.map((Subnet) => ({ Subnet })) },
    Options: {
      [BRIDGE_NAME]: bridge,
      'com.docker.network.bridge.enable_ip_masquerade': String(masquerade),
      // Since Docker 28 packets that are routed to a container are dropped before any rule of ours could see them.
      'com.docker.network.bridge.gateway_mode_ipv4': 'nat-unprotected',
      'com.docker.network.bridge.gateway_mode_ipv6': 'nat-unprotected',
    },
    Labels: { [LABEL.node]: node },
  };
}
