/**
 * What the network costs: a service's address against the direct route, the userspace proxy and Docker's published port,
 * what a change of one endpoint costs among many, and how long pods wait for names.
 */
import { atLeast, atMost, type Bench, type Figures } from './bench.ts';
import { dnsGoals, measureDns } from './dns.ts';
import { measurePaths } from './network/paths.ts';
import { measureRules } from './network/rules.ts';

export const network: Bench = {
  name: 'network',
  description:
    'Container to container across boards: direct, by service, userspace proxy, published port; rules and names at 1,000 services',
  async run(context) {
    const { clock, progress } = context;
    progress('1,000 services with 5,000 endpoints');
    const rules = await measureRules(clock);
    const names = await measureDns(context);
    const { paths, serviceShares } = await measurePaths(progress);
    const figures: Figures = { ...rules, changeCpuShare: rules.changeCpuMs / rules.fullLoadCpuMs, ...names };
    for (const [path, each] of Object.entries(paths)) {
      for (const [name, value] of Object.entries(each)) figures[`${path}.${name}`] = value;
    }
    const shares = {
      serviceThroughputShare: serviceShares.gbitPerSecond,
      serviceCpuShareOfBytes: serviceShares.cpuSecondsPerGb,
      serviceCpuShareOfConnections: serviceShares.cpuMicrosPerConnection,
    };
    return {
      figures: { ...figures, ...shares },
      goals: {
        changeMs: atMost(rules.changeMs, 100),
        changeCpuShare: atMost(rules.changeCpuMs / rules.fullLoadCpuMs, 0.05),
        serviceThroughputShare: atLeast(shares.serviceThroughputShare, 0.95),
        serviceCpuShareOfBytes: atMost(shares.serviceCpuShareOfBytes, 1.1),
        serviceCpuShareOfConnections: atMost(shares.serviceCpuShareOfConnections, 1.1),
        ...dnsGoals(names),
      },
    };
  },
};
