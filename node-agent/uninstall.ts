/** `bramble agent --uninstall`: pods of the node and their network, rules, routes and devices. The data directory stays. */
import { systemClock } from '../shared/platform/clock.ts';
import type { Logger } from '../shared/platform/logger.ts';
import { DockerClient } from './container-runtime/docker-client.ts';
import { LABEL } from './container-runtime/docker-labels.ts';
import { isOnDuty } from './network/host-duty.ts';
import { computeNames } from './network/names.ts';
import { removeNetwork } from './network/remove-network.ts';
import { createNetworkTools } from './network-tools.ts';
import type { AgentFlags } from './options.ts';

export async function uninstall(flags: AgentFlags, logger: Logger): Promise<void> {
  const { name: node, networkTag: tag, dockerSocket: socketPath } = flags;
  const { engine, shell } = createNetworkTools(flags);
  const docker = new DockerClient({ socketPath, clock: systemClock });
  // Where there is no engine (any more) there are no containers either; the rest goes all the same.
  const containers = await docker.listContainers([`${LABEL.node}=${node}`]).catch(() => []);
  for (const { Id } of containers) await docker.removeContainer(Id);
  const names = computeNames(node, tag);
  const isShared = await isOnDuty(names.meeting);
  await removeNetwork({ names, engine, shell, isShared, isAlone: tag === '' });
  logger.info('removed what the agent left on this machine', { node, containers: containers.length });
}
