/** Pods, nodes and snapshots for tests, in few words. */

import { Cache } from '../../../master/scheduler/cache.ts';
import { computePodInfo, type PodInfo } from '../../../master/scheduler/pod-info.ts';
import type { Snapshot } from '../../../master/scheduler/snapshot.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { formatTime } from '../../../shared/platform/clock.ts';

export interface PodOptions extends Partial<Omit<PodSpec, 'containers'>> {
  name?: string;
  requests?: Record<string, string>;
  owner?: string;
  namespace?: string;
  labels?: Record<string, string>;
  /** Deleted, and not gone yet. */
  leaving?: boolean;
  /** Seconds after the start of the world. */
  startedSeconds?: number;
  ports?: { hostPort: number; hostIP?: string; protocol?: 'TCP' | 'UDP' }[];
}

const CREATED = '2026-01-01T00:00:00Z';

export function makePod(options: PodOptions = {}): Pod {
  const { name = 'web', requests = {}, owner, ports = [], namespace = 'default', labels, leaving, ...rest } = options;
  const { startedSeconds, ...spec } = rest;
  const reference = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: owner ?? '',
    uid: owner ?? '',
    controller: true,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid of ${name}`,
      resourceVersion: '1',
      creationTimestamp: CREATED,
      ...(labels === undefined ? {} : { labels }),
      ...(leaving ? { deletionTimestamp: CREATED } : {}),
      ...(owner === undefined ? {} : { ownerReferences: [reference] }),
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      containers: [makeContainer(requests, ports)],
      ...spec,
    },
    status: {
      phase: 'Pending',
      qosClass: 'BestEffort',
      ...(startedSeconds === undefined ? {} : { startTime: formatTime(Date.parse(CREATED) + startedSeconds * 1000) }),
    },
  };
}

export function makeContainer(
  requests: Record<string, string>,
  ports: NonNullable<PodOptions['ports']> = [],
): PodSpec['containers'][number] {
  return {
    name: 'main',
    image: 'busybox',
    imagePullPolicy: 'IfNotPresent',
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    resources: { requests },
    ports: ports.map((port) => ({ containerPort: port.hostPort, protocol: 'TCP', ...port })),
  };
}

export function podInfo(options: PodOptions = {}): PodInfo {
  return computePodInfo(makePod(options));
}

export interface NodeOptions {
  name?: string;
  cpu?: string;
  memory?: string;
  pods?: string;
  others?: Record<string, string>;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  taints?: Node['spec']['taints'];
  unschedulable?: boolean;
  /** `arm64` unless given. */
  architecture?: string;
  /** Names of images that it has, with their sizes in bytes. */
  images?: Readonly<Record<string, number>>;
}

export function makeNode(options: NodeOptions = {}): Node {
  const { name = 'pi-1', cpu = '4', memory = '4Gi', pods = '110', others, labels, taints, unschedulable } = options;
  const { annotations, architecture = 'arm64', images } = options;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: `uid of ${name}`,
      resourceVersion: '1',
      creationTimestamp: CREATED,
      labels: { ...labels },
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: { ...(taints ? { taints } : {}), ...(unschedulable ? { unschedulable } : {}) },
    status: {
      allocatable: { cpu, memory, pods, ...others },
      conditions: [{ type: 'Ready', status: 'True' }],
      daemonEndpoints: {},
      nodeInfo: {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: '',
        osImage: '',
        containerRuntimeVersion: '',
        kubeletVersion: '',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture,
      },
      ...(images === undefined ? {} : { images: Object.entries(images).map(asListed) }),
    },
  };
}

function asListed([name, sizeBytes]: readonly [string, number]): { names: string[]; sizeBytes: number } {
  return { names: [name], sizeBytes };
}

export function makeSensors(name: string, reading: Partial<NodeSensors> = {}): NodeSensors {
  return {
    apiVersion: 'bramble.dev/v1',
    kind: 'NodeSensors',
    metadata: { name, uid: `sensors of ${name}`, resourceVersion: '1', creationTimestamp: CREATED },
    timestamp: CREATED,
    usage: { cpu: '500m', memory: '1Gi' },
    memoryAvailableBytes: 3 * 2 ** 30,
    ...reading,
  };
}

export interface ClusterOptions {
  nodes: readonly NodeOptions[];
  /** Node name → its pods. */
  pods?: Readonly<Record<string, readonly PodOptions[]>>;
  sensors?: Readonly<Record<string, Partial<NodeSensors>>>;
  sensorsArrivedMs?: number;
}

export function makeCache({ nodes, pods = {}, sensors = {}, sensorsArrivedMs = 0 }: ClusterOptions): Cache {
  const cache = new Cache();
  for (const node of nodes) cache.setNode(makeNode(node));
  for (const [nodeName, ofNode] of Object.entries(pods)) {
    ofNode.forEach((pod, index) => {
      cache.setPod(podInfo({ name: `${nodeName}-${index}`, ...pod }), nodeName);
    });
  }
  for (const [name, reading] of Object.entries(sensors)) {
    cache.setSensors(name, makeSensors(name, reading), sensorsArrivedMs);
  }
  return cache;
}

export function makeSnapshot(options: ClusterOptions, nowMs = 0): Snapshot {
  return makeCache(options).snapshot(nowMs);
}
