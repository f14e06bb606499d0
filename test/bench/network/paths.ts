/**
 * The ways from a container on one board to a container on another: throughput, connections a second and CPU time of both
 * boards, client and server included, for each. Side by side in one run, several rounds, medians; how the service compares
 * with the direct route is the median of what the rounds say, because a machine that others use is another one each minute.
 */
import { fileURLToPath } from 'node:url';
import { TEST_IMAGE } from '../../support/docker.ts';
import { type LanCluster, startLanCluster } from '../../support/lan/lan-cluster.ts';
import { waitFor } from '../../support/wait.ts';
import { median } from '../support/statistics.ts';

export interface PathFigures {
  gbitPerSecond: number;
  cpuSecondsPerGb: number;
  connectionsPerSecond: number;
  cpuMicrosPerConnection: number;
}

const LOAD = [process.execPath, fileURLToPath(new URL('./load.ts', import.meta.url))];
const BYTES = 800_000_000;
const CONNECTIONS = 4_000;
const ROUNDS = 5;
const PORT = 9_000;
const PUBLISHED_PORT = 9_100;

const WORLD = `
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec: {nodeName: host2, containers: [{name: main, image: '${TEST_IMAGE}', command: [sleep, '100000']}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: host1, containers: [{name: main, image: '${TEST_IMAGE}', command: [sleep, '100000']}]}
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}, ports: [{port: ${PORT}}]}
`;

export interface PathReport {
  paths: Record<string, PathFigures>;
  /** Of the service's figures, in those of the direct route. */
  serviceShares: PathFigures;
}

type Rounds = ReadonlyMap<string, readonly PathFigures[]>;

export async function measurePaths(progress: (line: string) => void): Promise<PathReport> {
  const cluster = await startLanCluster({ hosts: 2 });
  try {
    await cluster.apply(WORLD);
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
    const read = (kind: string, path: string): Promise<string> =>
      cluster.kubectl(['get', kind, 'server', '-o', `jsonpath=${path}`]);
    const direct = { address: await read('pod', '{.status.podIP}'), port: PORT };
    const service = { address: await read('service', '{.spec.clusterIP}'), port: PORT };
    await cluster.spawnInPod('server', ...LOAD, 'sink', `${PORT}`);
    await startPublished(cluster);
    const published = { address: cluster.lan.host(2).address, port: PUBLISHED_PORT };
    const kernel = await measureRounds(cluster, { direct, service, published }, progress);
    await cluster.kill('agent 1');
    await cluster.startAgent(1, '--proxy', 'userspace');
    const hasAddress = async (): Promise<boolean> =>
      (await cluster.lan.host(1).output('ip', '-o', 'addr')).includes(service.address);
    await waitFor('the agent itself serves', hasAddress, 60_000);
    const userspace = await measureRounds(cluster, { userspace: service }, progress);
    const paths = Object.fromEntries([...kernel, ...userspace].map(([name, all]) => [name, medians(all)]));
    return { paths, serviceShares: sharesOf(kernel, 'service', 'direct') };
  } finally {
    await cluster.stop();
  }
}

/** Docker's own way: a container on its default bridge with a published port. */
async function startPublished(cluster: LanCluster): Promise<void> {
  const host = cluster.lan.host(2);
  const id = await host.docker('run', '-d', '-p', `${PUBLISHED_PORT}:${PORT}`, TEST_IMAGE, 'sleep', '100000');
  const pid = await host.docker('inspect', '-f', '{{.State.Pid}}', id);
  host.spawn(['nsenter', '-t', pid, '-n', ...LOAD, 'sink', `${PORT}`]);
}

interface End {
  address: string;
  port: number;
}

async function measureRounds(
  cluster: LanCluster,
  paths: Readonly<Record<string, End>>,
  progress: (line: string) => void,
): Promise<Rounds> {
  const samples = new Map<string, PathFigures[]>();
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [name, end] of Object.entries(paths)) {
      progress(`${name}, round ${round} of ${ROUNDS}`);
      samples.set(name, [...(samples.get(name) ?? []), await measureOnce(cluster, end)]);
    }
  }
  return samples;
}

async function measureOnce(cluster: LanCluster, { address, port }: End): Promise<PathFigures> {
  // Flows of the round before must not clash with those of this one.
  for (const host of cluster.lan.hosts) await host.run(['conntrack', '-F']);
  const sent = await runLoad(cluster, ['send', address, `${port}`, `${BYTES}`]);
  const opened = await runLoad(cluster, ['connect', address, `${port}`, `${CONNECTIONS}`]);
  return {
    gbitPerSecond: (BYTES * 8) / 1e9 / sent.seconds,
    cpuSecondsPerGb: sent.cpuSeconds / (BYTES / 1e9),
    connectionsPerSecond: CONNECTIONS / opened.seconds,
    cpuMicrosPerConnection: (opened.cpuSeconds * 1e6) / CONNECTIONS,
  };
}

async function runLoad(cluster: LanCluster, args: string[]): Promise<{ seconds: number; cpuSeconds: number }> {
  const cpu = (): number => cluster.lan.hosts.reduce((sum, { cgroup }) => sum + cgroup.cpuSeconds(), 0);
  const before = cpu();
  const child = await cluster.spawnInPod('client', ...LOAD, ...args);
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  if (!(Number(said) > 0)) throw new Error(`the load did not run: ${args.join(' ')}`);
  return { seconds: Number(said), cpuSeconds: cpu() - before };
}

function medians(all: readonly PathFigures[]): PathFigures {
  return figuresOf((name) => median(all.map((each) => each[name])));
}

function sharesOf(rounds: Rounds, name: string, base: string): PathFigures {
  const others = rounds.get(base) ?? [];
  const share = (figure: keyof PathFigures) =>
    median((rounds.get(name) ?? []).map((each, round) => each[figure] / (others[round]?.[figure] ?? Number.NaN)));
  return figuresOf(share);
}

function figuresOf(of: (name: keyof PathFigures) => number): PathFigures {
  return {
    gbitPerSecond: of('gbitPerSecond'),
    cpuSecondsPerGb: of('cpuSecondsPerGb'),
    connectionsPerSecond: of('connectionsPerSecond'),
    cpuMicrosPerConnection: of('cpuMicrosPerConnection'),
  };
}
