/**
 * What users do to a simulated cluster: deployments come, grow, change and go, containers are killed, boards are drained.
 * Every choice comes from the seed; a refused request is part of the game and never stops the run.
 */
import { type Deployment, DeploymentKind } from '../../shared/api/deployment.ts';
import { NodeKind } from '../../shared/api/node.ts';
import { PodKind } from '../../shared/api/pod.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import type { Draft } from '../../shared/schema/object-meta.ts';
import { makeWorkloadPeace, WORKLOAD_ACTIONS } from './workload-users.ts';
import type { Workload } from './world.ts';

const NAMES = ['web', 'api', 'cache', 'worker'];
const NAMESPACE = 'default';
const MAX_REPLICAS = 6;
/** Everything together then fits a single board, wherever it happens to be. */
const MAX_PEACEFUL_REPLICAS = 2;

/** One random action of a user. */
export async function act(workload: Workload): Promise<void> {
  const actions = [apply, apply, scale, changeImage, remove, deletePod, cordon, ...WORKLOAD_ACTIONS];
  const action = actions[nextInt(workload.random, actions.length)] ?? apply;
  try {
    await action(workload);
  } catch (error) {
    if (!isStatusError(error)) throw error;
    workload.note(`refused: ${error.reason}`);
  }
}

/** Lifts what would keep pods away for ever, so that the cluster can converge. */
export async function makePeace(workload: Workload): Promise<void> {
  const { client } = workload;
  await makeWorkloadPeace(workload);
  for (const { metadata, spec } of (await client.list(DeploymentKind, { namespace: NAMESPACE })).items) {
    const replicas = Math.min(spec.replicas, MAX_PEACEFUL_REPLICAS);
    await client.patch(DeploymentKind, metadata, { type: 'merge', body: { spec: { replicas } } });
  }
  for (const node of (await client.list(NodeKind)).items) {
    if (node.spec.unschedulable) {
      await client.patch(NodeKind, node.metadata, { type: 'merge', body: { spec: { unschedulable: null } } });
    }
  }
}

export function renderDeployment(name: string, replicas: number, image: string): Draft<Deployment> {
  return {
    metadata: { name, namespace: NAMESPACE, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 2,
          containers: [{ name: 'main', image, resources: { requests: { cpu: '80m', memory: '32Mi' } } }],
        },
      },
    },
  };
}

async function apply({ client, random, note }: Workload): Promise<void> {
  const name = pick(NAMES, random);
  const replicas = nextInt(random, MAX_REPLICAS + 1);
  note(`create deployment ${name} x${replicas}`);
  await client.create(DeploymentKind, renderDeployment(name, replicas, 'app:1'));
}

async function scale(workload: Workload): Promise<void> {
  const { client, random, note } = workload;
  const deployment = await anyDeployment(workload);
  if (deployment === undefined) return;
  const replicas = nextInt(random, MAX_REPLICAS + 1);
  note(`scale ${deployment.metadata.name} to ${replicas}`);
  await client.patch(DeploymentKind, deployment.metadata, { type: 'merge', body: { spec: { replicas } } });
}

async function changeImage(workload: Workload): Promise<void> {
  const { client, random, note } = workload;
  const deployment = await anyDeployment(workload);
  if (deployment === undefined) return;
  const image = `app:${1 + nextInt(random, 4)}`;
  note(`set image of ${deployment.metadata.name} to ${image}`);
  const body = { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } };
  await client.patch(DeploymentKind, deployment.metadata, { type: 'strategic', body });
}

async function remove(workload: Workload): Promise<void> {
  const deployment = await anyDeployment(workload);
  if (deployment === undefined) return;
  workload.note(`delete deployment ${deployment.metadata.name}`);
  await workload.client.delete(DeploymentKind, deployment.metadata, { propagationPolicy: 'Background' });
}

async function deletePod({ client, random, note }: Workload): Promise<void> {
  const { items } = await client.list(PodKind, { namespace: NAMESPACE });
  const pod = items[nextInt(random, items.length)];
  if (pod === undefined) return;
  note(`delete pod ${pod.metadata.name}`);
  await client.delete(PodKind, pod.metadata);
}

async function cordon({ client, random, note }: Workload): Promise<void> {
  const { items } = await client.list(NodeKind);
  const node = items[nextInt(random, items.length)];
  if (node === undefined) return;
  const unschedulable = !node.spec.unschedulable;
  note(`${unschedulable ? 'cordon' : 'uncordon'} ${node.metadata.name}`);
  await client.patch(NodeKind, node.metadata, { type: 'merge', body: { spec: { unschedulable } } });
}

async function anyDeployment({ client, random }: Workload): Promise<Deployment | undefined> {
  const { items } = await client.list(DeploymentKind, { namespace: NAMESPACE });
  return items[nextInt(random, items.length)];
}

function pick<T extends string>(items: readonly T[], random: Random): T {
  const item = items[nextInt(random, items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
