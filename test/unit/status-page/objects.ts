/** Objects of the cluster with only what the status page reads, for its unit tests. */
import type { Deployment } from '../../../shared/api/deployment.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Pod } from '../../../shared/api/pod.ts';

export const TIME = '2026-11-22T10:00:00Z';

/** The edge of these tests: an object with a part of its fields. */
export function fixture<T>(value: object): T {
  return JSON.parse(JSON.stringify(value));
}

export function node(name: string, ready: 'True' | 'Unknown' = 'True', spec: object = {}): Node {
  return fixture<Node>({
    metadata: { name, labels: {}, annotations: { 'bramble.dev/model': 'Raspberry Pi 4', secret: 'hush' } },
    spec,
    status: {
      capacity: { cpu: '4', memory: '1Gi', pods: '110' },
      conditions: [
        {
          type: 'Ready',
          status: ready,
          message: ready === 'True' ? 'fine' : 'its link is down',
          lastTransitionTime: TIME,
        },
      ],
    },
  });
}

export function sensors(name: string, fields: Partial<NodeSensors> = {}): NodeSensors {
  return fixture<NodeSensors>({
    metadata: { name },
    timestamp: TIME,
    usage: { cpu: '500m', memory: '256Mi' },
    ...fields,
  });
}

export function deployment(available: number, more: object = {}): Deployment {
  const isAvailable = { type: 'Available', status: available > 0 ? 'True' : 'False' };
  return fixture<Deployment>({
    metadata: { namespace: 'default', name: 'web', creationTimestamp: TIME },
    spec: { replicas: 2, template: { spec: { containers: [{ name: 'c', image: 'nginx' }] } }, ...more },
    status: { availableReplicas: available, readyReplicas: available, updatedReplicas: 2, conditions: [isAvailable] },
  });
}

export function pod(name: string, status: object = {}, more: { spec?: object; metadata?: object } = {}): Pod {
  const running = { name: 'c', ready: true, restartCount: 2, state: { running: { startedAt: TIME } } };
  return fixture<Pod>({
    metadata: {
      namespace: 'default',
      name,
      creationTimestamp: TIME,
      annotations: { note: 'hush' },
      labels: { app: 'web' },
      ...more.metadata,
    },
    spec: {
      nodeName: 'pi-1',
      containers: [{ name: 'c', image: 'x', env: [{ name: 'PASSWORD', value: 'hush' }] }],
      ...more.spec,
    },
    status: { phase: 'Running', containerStatuses: [running], ...status },
  });
}
