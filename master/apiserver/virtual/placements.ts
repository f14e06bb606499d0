/**
 * placements in bramble.dev/v1: why a pod is where it is, or why nowhere. The scheduler answers when somebody asks; the server
 * itself says why a pod is not the scheduler's to place.
 */
import type { Placement } from '../../../shared/api/placement.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { notFound } from '../../../shared/machinery/errors.ts';
import type { Response } from '../../../shared/protocol/exchange.ts';
import type { RequestContext } from '../request/request-context.ts';
import type { Services } from '../services.ts';
import { asKind } from '../storage/api-object.ts';
import { servedVirtual, type VirtualResource } from './virtual-resource.ts';

/** By `namespace/name`; undefined: the scheduler does not know the pod. */
export type PlacementExplainer = (key: string) => Placement | undefined;

export function placements(explain: PlacementExplainer): VirtualResource {
  return {
    served: servedVirtual({
      group: 'bramble.dev',
      version: 'v1',
      kind: 'Placement',
      plural: 'placements',
      namespaced: true,
      verbs: ['get'],
    }),
    answer: (services, context) => answer(services, context, explain),
  };
}

async function answer(services: Services, context: RequestContext, explain: PlacementExplainer): Promise<Response> {
  const { namespace, name } = context.info;
  const pod = await readPod(services, namespace, name);
  if (pod === undefined) throw notFound({ group: '', plural: 'pods' }, name);
  return services.responder.value(context, explain(`${namespace}/${name}`) ?? renderUnknown(pod));
}

async function readPod({ objects, kindOf }: Services, namespace: string, name: string): Promise<Pod | undefined> {
  const kind = kindOf('', 'Pod');
  const object = kind && (await objects.get(kind, { namespace, name }));
  return kind && object && asKind<Pod>(kind, object);
}

function renderUnknown(pod: Pod): Placement {
  const { name, namespace = '' } = pod.metadata;
  return {
    apiVersion: 'bramble.dev/v1',
    kind: 'Placement',
    metadata: { name, namespace },
    outcome: 'NotConsidered',
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    message: reasonOf(pod),
    nodes: [],
    nodesLeftOut: 0,
  };
}

function reasonOf({ metadata, spec, status }: Pod): string {
  const gates = (spec.schedulingGates ?? []).map((gate) => gate.name);
  if (gates.length > 0) return `the pod waits until its scheduling gates are lifted: ${gates.join(', ')}`;
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return `the pod has ended: ${status.phase}`;
  if (metadata.deletionTimestamp !== undefined) return 'the pod is being deleted';
  if (!spec.nodeName && spec.schedulerName !== 'default-scheduler') return `${spec.schedulerName} places the pod`;
  return 'the scheduler has not heard of the pod yet';
}
