/** Deployments, ReplicaSets and their pods for tests, in few words. */
import type { Deployment } from '../../../shared/api/deployment.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodTemplateSpec } from '../../../shared/api/pod-template.ts';
import type { ReplicaSet, ReplicaSetStatus } from '../../../shared/api/replica-set.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { makePod } from '../scheduler/cluster.ts';

export const START_MS = Date.parse('2026-01-01T00:00:00Z');

/** RFC 3339, seconds after the start. */
export function at(seconds: number): string {
  return formatTime(START_MS + seconds * 1000);
}

function meta(name: string) {
  return {
    name,
    namespace: 'default',
    uid: `uid of ${name}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: at(0),
  };
}

export function makeTemplate(image = 'nginx:1', labels: Record<string, string> = { app: 'web' }): PodTemplateSpec {
  const { spec } = makePod();
  return {
    metadata: { labels },
    spec: { ...spec, containers: spec.containers.map((container) => ({ ...container, image })) },
  };
}

export interface DeploymentOptions {
  replicas?: number;
  image?: string;
  maxSurge?: number | string;
  maxUnavailable?: number | string;
  type?: 'RollingUpdate' | 'Recreate';
  paused?: boolean;
  revisionHistoryLimit?: number;
  annotations?: Record<string, string>;
  status?: Deployment['status'];
  progressDeadlineSeconds?: number;
}

export function makeDeployment(options: DeploymentOptions = {}): Deployment {
  const { replicas = 3, image, maxSurge = '25%', maxUnavailable = '25%', type = 'RollingUpdate' } = options;
  const { paused, revisionHistoryLimit = 10, annotations = {}, status = {}, progressDeadlineSeconds = 600 } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...meta('web'), annotations },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: makeTemplate(image),
      strategy: type === 'Recreate' ? { type } : { type, rollingUpdate: { maxSurge, maxUnavailable } },
      revisionHistoryLimit,
      progressDeadlineSeconds,
      ...(paused === undefined ? {} : { paused }),
    },
    status,
  };
}

export interface ReplicaSetOptions {
  name?: string;
  image?: string;
  replicas?: number;
  status?: Partial<ReplicaSetStatus>;
  annotations?: Record<string, string>;
  ageSeconds?: number;
  minReadySeconds?: number;
}

export function makeReplicaSet(options: ReplicaSetOptions = {}): ReplicaSet {
  const {
    name = 'web-1',
    image,
    replicas = 3,
    status = {},
    annotations = {},
    ageSeconds = 0,
    minReadySeconds,
  } = options;
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid of web', controller: true };
  const labels = { app: 'web', 'pod-template-hash': name };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { ...meta(name), labels, annotations, ownerReferences: [owner], creationTimestamp: at(-ageSeconds) },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: makeTemplate(image, labels),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
    },
    status: { replicas, readyReplicas: replicas, availableReplicas: replicas, observedGeneration: 1, ...status },
  };
}

export interface ReplicaOptions {
  name: string;
  node?: string;
  phase?: Pod['status']['phase'];
  /** Seconds after the start at which it became ready. */
  readyAt?: number;
  createdAt?: number;
  restarts?: number;
  cost?: string;
  isGoing?: boolean;
  owner?: string;
}

export function makeReplica(options: ReplicaOptions): Pod {
  const {
    name,
    node,
    phase = 'Running',
    readyAt,
    createdAt = 0,
    restarts = 0,
    cost,
    isGoing,
    owner = 'uid of web-1',
  } = options;
  const pod = makePod({ name, owner });
  const ready = readyAt === undefined ? 'False' : 'True';
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { app: 'web', 'pod-template-hash': 'web-1' },
      creationTimestamp: at(createdAt),
      ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
      ...(isGoing ? { deletionTimestamp: at(0) } : {}),
    },
    spec: { ...pod.spec, ...(node === undefined ? {} : { nodeName: node }) },
    status: {
      ...pod.status,
      phase,
      conditions: [{ type: 'Ready', status: ready, lastTransitionTime: at(readyAt ?? 0) }],
      containerStatuses: [
        {
          name: 'main',
          state: {},
          lastState: {},
          ready: ready === 'True',
          restartCount: restarts,
          image: '',
          imageID: '',
        },
      ],
    },
  };
}
