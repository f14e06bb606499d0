/**
 * What a person who has signed in can do, each as requests to the API as that person: rights, admission and the record of
 * who did it are the API server's. A table by the word of the action, so that a missing one does not compile.
 */
import { CertificateSigningRequestKind } from '../../../shared/api/certificate-signing-request.ts';
import { CronJobKind } from '../../../shared/api/cron-job.ts';
import { DaemonSetKind } from '../../../shared/api/daemon-set.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { JobKind } from '../../../shared/api/job.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
import { StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import type { Client, KindRef, ObjectKey } from '../../../shared/client/client.ts';
import { badRequest } from '../../../shared/machinery/errors.ts';
import { type Clock, formatTime } from '../../../shared/platform/clock.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import type { Action } from './action-names.ts';
import { drain } from './drain.ts';

export interface ActionCall {
  client: Client;
  clock: Clock;
  target: Target;
  /** Of `scale`. */
  replicas?: number;
}

/** What an entry's key stands for. */
export interface Target {
  kind: KindRef<KubernetesObject>;
  key: ObjectKey;
}

const KINDS: Readonly<Record<string, KindRef<KubernetesObject>>> = {
  board: NodeKind,
  pod: PodKind,
  service: ServiceKind,
  request: CertificateSigningRequestKind,
  'workload/Deployment': DeploymentKind,
  'workload/ReplicaSet': ReplicaSetKind,
  'workload/StatefulSet': StatefulSetKind,
  'workload/DaemonSet': DaemonSetKind,
  'workload/Job': JobKind,
  'workload/CronJob': CronJobKind,
};

export const MAX_REPLICAS = 1_000;

/** `workload/Deployment/default/web`, `board/pi-3`. Throws BadRequest for a key of nothing that can be acted on. */
export function parseTarget(key: string): Target {
  const parts = key.split('/');
  const prefix = parts.slice(0, parts[0] === 'workload' ? 2 : 1).join('/');
  const kind = Object.hasOwn(KINDS, prefix) ? KINDS[prefix] : undefined;
  const [first = '', second = '', ...rest] = parts.slice(prefix.split('/').length);
  if (kind === undefined || first === '' || rest.length > 0 || kind.namespaced !== (second !== '')) {
    throw badRequest('there is nothing of that name to act on');
  }
  return { kind, key: kind.namespaced ? { namespace: first, name: second } : { name: first } };
}

/** The actions that there are for a kind, whoever asks. */
export function actionsOf({ kind }: Pick<Target, 'kind'>): readonly Action[] {
  return ACTIONS_BY_KIND[kind.kind] ?? [];
}

const ACTIONS_BY_KIND: Readonly<Record<string, readonly Action[]>> = {
  Node: ['cordon', 'uncordon', 'drain', 'reboot'],
  Pod: ['delete'],
  Service: ['delete'],
  Deployment: ['restart', 'scale', 'delete'],
  StatefulSet: ['restart', 'scale', 'delete'],
  DaemonSet: ['restart', 'delete'],
  ReplicaSet: ['scale', 'delete'],
  Job: ['delete'],
  CronJob: ['delete'],
  CertificateSigningRequest: ['approve', 'deny'],
};

/** Does it and says in a sentence what was done. Rejects with the API's own StatusError. */
export function runAction(action: Action, call: ActionCall): Promise<string> {
  if (!actionsOf(call.target).includes(action))
    throw badRequest(`a ${call.target.kind.kind} cannot be told to ${action}`);
  return RUN[action](call);
}

const RUN: Record<Action, (call: ActionCall) => Promise<string>> = {
  restart: async ({ client, clock, target: { kind, key } }) => {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': formatTime(clock.nowMs()) };
    const body = { spec: { template: { metadata: { annotations } } } };
    await client.patch(kind, key, { type: 'strategic', body });
    return `${key.name} is being restarted.`;
  },
  scale: async ({ client, target: { kind, key }, replicas }) => {
    if (replicas === undefined || !Number.isInteger(replicas) || replicas < 0 || replicas > MAX_REPLICAS) {
      throw badRequest(`a number of pods from 0 to ${MAX_REPLICAS} is needed`);
    }
    await client.patch(kind, key, { type: 'merge', subresource: 'scale', body: { spec: { replicas } } });
    return `${key.name} is to have ${replicas} ${replicas === 1 ? 'pod' : 'pods'}.`;
  },
  cordon: (call) => setSchedulable(call, false),
  uncordon: (call) => setSchedulable(call, true),
  drain: async (call) => {
    await setSchedulable(call, false);
    return drain(call.client, call.target.key.name);
  },
  reboot: async ({ client, target: { key } }) => {
    await client.post(NodeKind, key, 'reboot', {});
    return `${key.name} reboots: it is lost for a minute or two, its pods come back with it.`;
  },
  delete: async ({ client, target: { kind, key } }) => {
    await client.delete(kind, key, { propagationPolicy: 'Background' });
    return `${key.name} is being deleted.`;
  },
  approve: (call) => decide(call, 'Approved'),
  deny: (call) => decide(call, 'Denied'),
};

async function setSchedulable({ client, target: { key } }: ActionCall, isSchedulable: boolean): Promise<string> {
  await client.patch(NodeKind, key, { type: 'merge', body: { spec: { unschedulable: isSchedulable ? null : true } } });
  return isSchedulable ? `${key.name} takes new pods again.` : `${key.name} takes no new pods.`;
}

async function decide({ client, target: { key } }: ActionCall, type: 'Approved' | 'Denied'): Promise<string> {
  const request = await client.get(CertificateSigningRequestKind, key);
  const condition = {
    ...{ type, status: 'True' as const, reason: 'StatusPage' },
    message: 'decided by a person on the status page',
  };
  const conditions = [...(request.status.conditions ?? []), condition];
  await client.update(
    CertificateSigningRequestKind,
    { ...request, status: { ...request.status, conditions } },
    'approval',
  );
  return type === 'Approved' ? 'The board is let in.' : 'The board is turned away.';
}
