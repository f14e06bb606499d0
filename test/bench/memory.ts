/**
 * What a cluster costs in memory: master and agents as they ship (one bundle each, with the flags of `bramble up`), 3 nodes
 * with 10 pods each on this machine's Docker. RSS is what the kernel counts for the process, the Node binary that master and
 * agents share on one machine included; anon is the part that is the process's own.
 */
import { readRunning } from '../../cli/setup/processes.ts';
import { sleep } from '../../shared/platform/clock.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { waitFor } from '../support/wait.ts';
import { atMost, type Bench, type BenchContext } from './bench.ts';
import { readCpuMs, readMemory } from './support/proc.ts';
import { median } from './support/statistics.ts';

const NODES = 3;
const PODS_PER_NODE = 10;
const MASTER_BOUND_MB = 110;
const AGENT_BOUND_MB = 70;

/** Long enough for the heaps to have settled after the start of the pods, short enough to be run. */
const SETTLE_MS = 20_000;
const SAMPLES = 20;
const SAMPLE_INTERVAL_MS = 1_000;

const MEGABYTE = 1024 * 1024;

interface Reading {
  rssMb: number;
  anonMb: number;
}

export const memory: Bench = {
  name: 'memory',
  description: 'RSS of master and agents as shipped, with 3 nodes and 30 pods',
  async run(context) {
    context.progress('starting a master and 3 agents');
    const cluster = await startTestCluster({ nodes: NODES });
    try {
      return await measure(context, cluster);
    } catch (error) {
      for (const name of ['master', ...cluster.nodes]) await pidOf(cluster, name);
      throw error;
    } finally {
      await cluster.stop();
    }
  },
};

async function measure(context: BenchContext, cluster: TestCluster) {
  const programs = ['master', ...cluster.nodes];
  const pids = new Map(
    await Promise.all(programs.map(async (name): Promise<[string, number]> => [name, await pidOf(cluster, name)])),
  );
  await sleep(context.clock, SETTLE_MS / 2, context.signal);
  const empty = await readAll(pids);
  context.progress(`starting ${NODES * PODS_PER_NODE} pods`);
  await startPods(cluster);
  context.progress('waiting until the heaps have settled');
  await sleep(context.clock, SETTLE_MS, context.signal);
  const cpuBefore = await cpuOf(pids);
  const samples: Map<string, Reading>[] = [];
  for (let count = 0; count < SAMPLES; count += 1) {
    samples.push(await readAll(pids));
    await sleep(context.clock, SAMPLE_INTERVAL_MS, context.signal);
  }
  const cpuAfter = await cpuOf(pids);
  const settled = (name: string, field: keyof Reading): number =>
    median(samples.map((sample) => sample.get(name)?.[field] ?? Number.NaN));
  const worst = (field: keyof Reading): number => Math.max(...cluster.nodes.map((name) => settled(name, field)));
  const cpuPercent = (name: string): number =>
    (((cpuAfter.get(name) ?? 0) - (cpuBefore.get(name) ?? 0)) / (SAMPLES * SAMPLE_INTERVAL_MS)) * 100;
  const masterRssMb = settled('master', 'rssMb');
  const agentRssMb = worst('rssMb');
  return {
    figures: {
      nodes: NODES,
      pods: NODES * PODS_PER_NODE,
      masterEmptyRssMb: empty.get('master')?.rssMb ?? Number.NaN,
      masterRssMb,
      masterAnonMb: settled('master', 'anonMb'),
      masterIdleCpuPercent: cpuPercent('master'),
      agentEmptyRssMb: Math.max(...cluster.nodes.map((name) => empty.get(name)?.rssMb ?? Number.NaN)),
      agentRssMb,
      agentAnonMb: worst('anonMb'),
      agentIdleCpuPercent: Math.max(...cluster.nodes.map(cpuPercent)),
    },
    goals: {
      masterRssMb: atMost(masterRssMb, MASTER_BOUND_MB),
      agentRssMb: atMost(agentRssMb, AGENT_BOUND_MB),
    },
  };
}

async function pidOf(cluster: TestCluster, program: string): Promise<number> {
  const record = await readRunning(cluster.folder.pidFile(program));
  if (record === undefined) throw new Error(`${program} does not run:\n${await cluster.log(program)}`);
  return record.pid;
}

async function readAll(pids: ReadonlyMap<string, number>): Promise<Map<string, Reading>> {
  const readings = [...pids].map(async ([name, pid]): Promise<[string, Reading]> => {
    const { rssBytes, anonBytes } = await readMemory(pid);
    return [name, { rssMb: rssBytes / MEGABYTE, anonMb: anonBytes / MEGABYTE }];
  });
  return new Map(await Promise.all(readings));
}

async function cpuOf(pids: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const readings = [...pids].map(async ([name, pid]): Promise<[string, number]> => [name, await readCpuMs(pid)]);
  return new Map(await Promise.all(readings));
}

/** A deployment a node, so that each has its ten pods whatever the scheduler would have preferred. */
async function startPods(cluster: TestCluster): Promise<void> {
  for (const node of cluster.nodes) {
    const { code, body } = await cluster.https('POST', DEPLOYMENTS, renderDeployment(node));
    if (code !== 201) throw new Error(`the deployment was refused: ${JSON.stringify(body)}`);
  }
  await waitFor(
    'all pods run',
    async () => {
      const { body } = await cluster.https('GET', DEPLOYMENTS);
      const items = body['items'] as { status: { availableReplicas?: number } }[];
      return items.reduce((sum, { status }) => sum + (status.availableReplicas ?? 0), 0) === NODES * PODS_PER_NODE;
    },
    180_000,
  );
}

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

function renderDeployment(node: string): object {
  const container = { name: 'main', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000000'] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `load-${node}` },
    spec: {
      replicas: PODS_PER_NODE,
      selector: { matchLabels: { load: node } },
      template: {
        metadata: { labels: { load: node } },
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': node },
          terminationGracePeriodSeconds: 0,
          containers: [container],
        },
      },
    },
  };
}
