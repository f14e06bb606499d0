/**
 * What the network costs: a service's address against the direct route, the userspace proxy and Docker's published port, and
 * what a change of one endpoint costs among many.
 */
import { atLeast, atMost, type Bench, type Figures } from './bench.ts';
import { measurePaths, type PathFigures } from './network/paths.ts';
import { measureRules } from './network/rules.ts';

export const network: Bench = {
  name: 'network',
  description:
    'Container to container across boards: direct, by service, userspace proxy, published port; rules at 1,000 services',
  async run({ clock, progress }) {
    progress('1,000 services with 5,000 endpoints');
    const rules = await measureRules(clock);
    const paths = await measurePaths(progress);
    const share = (name: keyof PathFigures): number =>
      (paths['service']?.[name] ?? Number.NaN) / (paths['direct']?.[name] ?? 1);
    const figures: Figures = { ...rules, changeCpuShare: rules.changeCpuMs / rules.fullLoadCpuMs };
    for (const [path, each] of Object.entries(paths)) {
      for (const [name, value] of Object.entries(each)) figures[`${path}.${name}`] = value;
    }
    const shares = {
      serviceThroughputShare: share('gbitPerSecond'),
      serviceCpuShareOfBytes: share('cpuSecondsPerGb'),
      serviceCpuShareOfConnections: share('cpuMicrosPerConnection'),
    };
    return {
      figures: { ...figures, ...shares },
      goals: {
        changeMs: atMost(rules.changeMs, 100),
        changeCpuShare: atMost(rules.changeCpuMs / rules.fullLoadCpuMs, 0.05),
        serviceThroughputShare: atLeast(shares.serviceThroughputShare, 0.95),
        serviceCpuShareOfBytes: atMost(shares.serviceCpuShareOfBytes, 1.1),
        serviceCpuShareOfConnections: atMost(shares.serviceCpuShareOfConnections, 1.1),
      },
    };
  },
};
