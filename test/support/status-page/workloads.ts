/** What the told fleet is busy with: an ordinary house, with one thing that asks for a look. */
import { formatTime, systemClock } from '../../../shared/platform/clock.ts';
import type { Fleet, TestBoard } from './fleet.ts';

export const BOARDS: readonly TestBoard[] = [
  { name: 'pi-1', celsius: 54.1, load: 0.22, memory: 0.48, disk: 0.31 },
  {
    ...{ name: 'pi-2', celsius: 76.4, load: 0.81, memory: 0.72, disk: 0.44 },
    more: { wifiSignalDbm: -58, wifiQualityPercent: 74 },
  },
  {
    name: 'pi-zero-3',
    model: 'Raspberry Pi Zero 2 W',
    celsius: 61.8,
    load: 0.37,
    memory: 0.88,
    disk: 0.63,
    more: { wifiSignalDbm: -71 },
  },
  { name: 'pi5-4', model: 'Raspberry Pi 5', celsius: 48.9, load: 0.12, memory: 0.25, disk: 0.18 },
];

/** What can be wrong with a board. */
export const TROUBLED: readonly TestBoard[] = [
  {
    ...{ name: 'attic-board-with-a-long-name-5', model: 'Raspberry Pi 3 Model B Plus Rev 1.3' },
    ...{ celsius: 84.2, load: 0.98, memory: 0.97, disk: 0.96 },
    more: { throttled: true, underVoltage: true, wifiSignalDbm: -83, wifiQualityPercent: 31 },
  },
  { name: 'pi-lost-6', ready: false, celsius: 41, load: 0.05, memory: 0.3, disk: 0.2 },
  { name: 'pi-rest-7', cordoned: true, celsius: 39.5, load: 0.02, memory: 0.2, disk: 0.92 },
];

interface App {
  name: string;
  namespace?: string;
  image: string;
  pods: readonly (readonly [suffix: string, node: string])[];
  /** Replicas wanted; the number of pods unless said. */
  wanted?: number;
}

const APPS: readonly App[] = [
  { name: 'home-assistant', image: 'homeassistant/home-assistant:2026.11', pods: [['7d4b', 'pi5-4']] },
  { name: 'zigbee2mqtt', image: 'koenkk/zigbee2mqtt:2.3', pods: [['5f88', 'pi-1']] },
  { name: 'grafana', namespace: 'monitoring', image: 'grafana/grafana:12', pods: [['84bd', 'pi-2']] },
  {
    name: 'web',
    image: 'nginx:1.29',
    pods: [
      ['x2x5', 'pi-1'],
      ['kk7q', 'pi-2'],
      ['p9wd', 'pi5-4'],
    ],
  },
  {
    name: 'camera',
    image: 'frigate:0.16',
    pods: [
      ['6c9f', ''],
      ['9m2t', 'pi-2'],
    ],
    wanted: 2,
  },
];

const WAITS = '0/4 nodes are available: 1 node(s) are hot, 3 node(s) have no bramble.dev/camera.';

export async function writeFleet({ send }: Pick<Fleet, 'send'>): Promise<void> {
  await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'monitoring' } });
  for (const app of APPS) await writeApp(send, app);
  await writeEvents(send);
}

const owner = (kind: string, name: string) => [
  { apiVersion: 'apps/v1', kind, name, uid: `uid-${name}`, controller: true },
];

async function writeApp(
  send: Fleet['send'],
  { name, namespace = 'default', image, pods, wanted = pods.length }: App,
): Promise<void> {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name, image }] } };
  const spec = { replicas: wanted, selector: { matchLabels: labels }, template };
  const running = pods.filter(([, node]) => node !== '').length;
  const status = {
    ...{ replicas: wanted, readyReplicas: running, updatedReplicas: wanted, availableReplicas: running },
    conditions: [{ type: 'Available', status: running > 0 ? 'True' : 'False' }],
  };
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const set = `${name}-6bd5`;
  await send('POST', `${apps}/deployments`, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec });
  await send('PATCH', `${apps}/deployments/${name}/status`, { status });
  const ownedSet = { name: set, ownerReferences: owner('Deployment', name) };
  await send('POST', `${apps}/replicasets`, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: ownedSet, spec });
  await send('PATCH', `${apps}/replicasets/${set}/status`, { status: { replicas: wanted, readyReplicas: running } });
  const ports = [{ port: 80, targetPort: 8080 }];
  await send('POST', `/api/v1/namespaces/${namespace}/services`, {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports, selector: labels, clusterIP: 'None' } },
  });
  await send('POST', `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    endpoints: pods.map(([, node], index) => ({
      addresses: [`10.42.0.${index + 5}`],
      conditions: { ready: node !== '' },
    })),
  });
  for (const [suffix, node] of pods)
    await writePod(send, { namespace, set, name: `${name}-${suffix}`, image, node, labels });
}

export interface TestPod {
  namespace: string;
  name: string;
  image: string;
  /** Empty: it waits for a board. */
  node: string;
  labels: Record<string, string>;
  set?: string;
}

export async function writePod(
  send: Fleet['send'],
  { namespace, set, name, image, node, labels }: TestPod,
): Promise<void> {
  const metadata = { name, labels, ...(set === undefined ? {} : { ownerReferences: owner('ReplicaSet', set) }) };
  const spec = { containers: [{ name: 'main', image }], ...(node === '' ? {} : { nodeName: node }) };
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await send('POST', path, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
  const startedAt = formatTime(systemClock.nowMs() - 7_000_000);
  const containers = [
    { name: 'main', image, imageID: '', ready: true, restartCount: 0, state: { running: { startedAt } } },
  ];
  const unplaced = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: WAITS };
  await send('PATCH', `${path}/${name}/status`, {
    status:
      node === ''
        ? { phase: 'Pending', conditions: [unplaced] }
        : { phase: 'Running', podIP: '10.42.1.7', containerStatuses: containers },
  });
}

async function writeEvents(send: Fleet['send']): Promise<void> {
  const events = [
    ['camera-6c9f', 'Pod', 'FailedScheduling', 'Warning', WAITS, 40],
    ['pi-2', 'Node', 'AboveSoftLimit', 'Warning', '76.4 °C, soft limit 72 °C: no new pods', 300],
    ['web', 'Deployment', 'ScalingReplicaSet', 'Normal', 'Scaled up replica set web-6bd5 from 2 to 3', 1_200],
    ['web-p9wd', 'Pod', 'Started', 'Normal', 'Started container main', 1_190],
    ['pi-zero-3', 'Node', 'NodeReady', 'Normal', 'the board is back after 15 minutes', 19_000],
  ] as const;
  for (const [name, kind, reason, type, message, ago] of events) {
    const at = formatTime(systemClock.nowMs() - ago * 1000);
    await send('POST', '/api/v1/namespaces/default/events', {
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: `${name}.${ago}` }, reason, type, message, count: 1 },
      involvedObject: { kind, name, ...(kind === 'Node' ? {} : { namespace: 'default' }) },
      ...{ firstTimestamp: at, lastTimestamp: at, source: { component: 'bramble' } },
    });
  }
}
