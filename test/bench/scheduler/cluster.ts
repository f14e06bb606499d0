/** Boards with readings and pods of many owners, made through the API as users and agents make them. */
import { NodeKind } from '../../../shared/api/node.ts';
import { NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import type { Client } from '../../../shared/client/client.ts';
import { makeNode, makePod, makeSensors } from '../../unit/scheduler/cluster.ts';

/** What the pods ask for beside CPU and memory. */
export type PodFlavour = 'plain' | 'spread' | 'anti-affinity';

const REQUESTS_IN_FLIGHT = 100;
const PODS_PER_OWNER = 50;
const ZONES = 10;

export async function createBoards(client: Client, count: number): Promise<void> {
  await inParallel(count, async (index) => {
    const name = `board-${index}`;
    const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${index % ZONES}` };
    await client.create(NodeKind, makeNode({ name, cpu: '4', memory: '4Gi', pods: '110', labels }));
    const reading = {
      temperatureCelsius: 45 + (index % 20),
      throttleCelsius: 80,
      usage: { cpu: '600m', memory: '1Gi' },
    };
    const { metadata: _, ...sensors } = makeSensors(name, reading);
    await client.create(NodeSensorsKind, { ...sensors, metadata: { name } });
  });
}

export async function createPods(client: Client, count: number, flavour: PodFlavour): Promise<void> {
  await inParallel(count, async (index) => {
    const owner = `rs-${Math.floor(index / PODS_PER_OWNER)}`;
    const pod = makePod({
      name: `pod-${index}`,
      owner,
      requests: { cpu: '100m', memory: '64Mi' },
      ...FLAVOURS[flavour](owner),
    });
    const { namespace, name, ownerReferences = [] } = pod.metadata;
    await client.create(PodKind, {
      metadata: { namespace, name, ownerReferences, labels: { app: owner } },
      spec: pod.spec,
    });
  });
}

const FLAVOURS: Readonly<Record<PodFlavour, (app: string) => Partial<Omit<PodSpec, 'containers'>>>> = {
  plain: () => ({}),
  spread: (app) => ({
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app } },
      },
    ],
  }),
  'anti-affinity': (app) => ({
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } },
        ],
      },
    },
  }),
};

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: REQUESTS_IN_FLIGHT }, worker));
}
