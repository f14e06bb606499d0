/**
 * 1,000 services with 5,000 endpoints in a real kernel: what a full load costs, and what one changed endpoint does, from the
 * EndpointSlice to the kernel's answer. In a network namespace of its own, which goes with the bench.
 */
import { Fragments } from '../../../node-agent/proxy/ruleset/fragments.ts';
import { renderChanges, renderTable } from '../../../node-agent/proxy/ruleset/render.ts';
import { renderService } from '../../../node-agent/proxy/ruleset/service-fragment.ts';
import { renderSkeleton } from '../../../node-agent/proxy/ruleset/skeleton.ts';
import { computePortals } from '../../../node-agent/proxy/services/compute-portals.ts';
import type { Locality } from '../../../node-agent/proxy/services/portal.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { createNamespaces } from '../../support/lan/namespaces.ts';
import { makeService, makeSlice } from '../../support/rulesets/objects.ts';
import { median } from '../support/statistics.ts';

export const SERVICES = 1_000;
const ENDPOINTS_EACH = 5;
const CHANGES = 21;

export interface RuleFigures {
  fullLoadMs: number;
  changeMs: number;
  /** CPU time, of the rendering and of nft. */
  fullLoadCpuMs: number;
  changeCpuMs: number;
}

export async function measureRules(clock: Clock): Promise<RuleFigures> {
  const machine = await createNamespaces({ init: ['plain'], cgroups: [] });
  const skeleton = renderSkeleton({ table: 'bramble', tunnel: 'bramble-vxlan' });
  const load = async (render: () => string): Promise<Cost> => {
    const startMs = clock.monotonicMs();
    const cpu = ownCpu();
    const text = render();
    const renderMs = clock.monotonicMs() - startMs;
    const renderCpuMs = cpu();
    // The shell takes the time of nft alone: entering the namespace is no part of what an agent does.
    const { code, stderr } = await machine.run(['bash', '--norc', '-c', 'TIMEFORMAT="%R %U %S"; time nft -f -'], {
      input: text,
    });
    if (code !== 0) throw new Error(stderr.slice(0, 500));
    const [real = 0, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    return { ms: renderMs + real * 1000, cpuMs: renderCpuMs + (user + system) * 1000 };
  };
  try {
    const fragments = new Fragments();
    const loads = Array.from({ length: SERVICES }, (_, index) => makeLoad(index, 0));
    const full = await load(() => {
      for (const each of loads) put(fragments, each);
      return renderTable(skeleton, fragments.takeAll());
    });
    const changes: Cost[] = [];
    for (let round = 1; round <= CHANGES; round += 1) {
      const changed = makeLoad((round * 37) % SERVICES, round);
      const change = (): string => {
        put(fragments, changed);
        return renderChanges('bramble', fragments.take());
      };
      changes.push(await load(change));
    }
    const of = (name: keyof Cost): number => median(changes.map((each) => each[name]));
    return { fullLoadMs: full.ms, fullLoadCpuMs: full.cpuMs, changeMs: of('ms'), changeCpuMs: of('cpuMs') };
  } finally {
    await machine.kill();
  }
}

interface Cost {
  ms: number;
  cpuMs: number;
}

/** Milliseconds of CPU time of this process since the call. */
function ownCpu(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}

interface Load {
  service: Service;
  slice: EndpointSlice;
}

/** `round` replaces one of the endpoints. */
function makeLoad(index: number, round: number): Load {
  const endpoints = Array.from({ length: ENDPOINTS_EACH }, (_, number) => {
    const host = number === 0 ? (round % 200) + 20 : number;
    return `10.42.${index % 250}.${host} there`;
  });
  const clusterIP = `10.43.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  const ports = [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 } as const];
  return {
    service: makeService(`web-${index}`, { clusterIP, ports }),
    slice: makeSlice(`web-${index}`, endpoints, [{ name: 'http', protocol: 'TCP', port: 8080 }]),
  };
}

const LOCALITY: Locality = { nodes: new Set(['here']), zone: '' };

function put(fragments: Fragments, { service, slice }: Load): void {
  fragments.put(`service ${service.metadata.name}`, renderService(computePortals(service, [slice], LOCALITY)));
}
