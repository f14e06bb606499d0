/** What names and Ingresses are served with on a real machine (adapter: sockets, files). */
import { systemClock } from '../shared/platform/clock.ts';
import type { Logger } from '../shared/platform/logger.ts';
import { NodeMulticast } from '../shared/protocol/mdns/node-multicast.ts';
import { listenDns } from './dns/dns-listener.ts';
import { nodeDialer } from './dns/forward/node-dialer.ts';
import { createNodeResolverFiles } from './dns/forward/node-resolver-files.ts';
import type { ServingTools } from './node-serving.ts';
import type { AgentFlags } from './options.ts';

const DNS_PORT = 53;

export function createServingTools({ ingressPorts, mdns }: AgentFlags, logger: Logger): ServingTools {
  return {
    dns: {
      open: (address, handler) => listenDns({ address, port: DNS_PORT, handler, logger }),
      dialer: nodeDialer,
      files: createNodeResolverFiles(),
    },
    ingress: {
      ports: { address: '::', ...ingressPorts },
      // Most clusters have no Ingress: their agents do without the proxy's memory.
      async load() {
        const [{ IngressProxy }, { openDoor }] = await Promise.all([
          import('./ingress/proxy.ts'),
          import('./ingress/doors.ts'),
        ]);
        return { IngressProxy, openDoor };
      },
    },
    multicast: mdns ? new NodeMulticast(systemClock) : undefined,
  };
}
