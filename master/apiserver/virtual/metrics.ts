/**
 * metrics.k8s.io: what kubectl top asks for, computed from the latest NodeSensors that the agents have sent. Pods are those
 * that still exist; their labels come from the pods themselves.
 */
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { notFound } from '../../../shared/machinery/errors.ts';
import { type Selector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import type { Response } from '../../../shared/protocol/exchange.ts';
import { parseListOptions } from '../request/list-options.ts';
import type { RequestContext } from '../request/request-context.ts';
import type { Services } from '../services.ts';
import { asKind } from '../storage/api-object.ts';
import { servedVirtual, type VirtualResource } from './virtual-resource.ts';

const METRICS = { group: 'metrics.k8s.io', version: 'v1beta1', verbs: ['get', 'list'] as const };
const API_VERSION = 'metrics.k8s.io/v1beta1';

/** Agents average the CPU over the time between two samples. */
const WINDOW = '10s';

interface Metrics {
  metadata: { name: string; namespace?: string; creationTimestamp: string; labels?: Record<string, string> };
}

export const nodeMetrics: VirtualResource = {
  served: servedVirtual({ ...METRICS, kind: 'NodeMetrics', plural: 'nodes', singular: '', namespaced: false }),
  answer: (services, context) => answerMetrics(services, context, computeNodeMetrics),
};

export const podMetrics: VirtualResource = {
  served: servedVirtual({ ...METRICS, kind: 'PodMetrics', plural: 'pods', singular: '', namespaced: true }),
  answer: (services, context) => answerMetrics(services, context, computePodMetrics),
};

type Compute = (services: Services, namespace: string) => Promise<Metrics[]>;

async function answerMetrics(services: Services, context: RequestContext, compute: Compute): Promise<Response> {
  const { info, served } = context;
  const all = await compute(services, info.namespace);
  if (info.verb === 'get') {
    const found = all.find(({ metadata }) => metadata.name === info.name);
    if (found === undefined)
      throw notFound(served, info.namespace === '' ? info.name : `${info.namespace}/${info.name}`);
    return services.responder.value(context, { kind: served.kind, apiVersion: API_VERSION, ...found });
  }
  const { labels } = parseListOptions(context.request);
  const items = all.filter((metrics) => isSelected(labels, metrics));
  const body = { kind: `${served.kind}List`, apiVersion: API_VERSION, metadata: {}, items };
  return services.responder.value(context, body);
}

function isSelected(labels: Selector, { metadata }: Metrics): boolean {
  return selectorMatches(labels, metadata.labels);
}

async function readSensors({ objects, kindOf }: Services): Promise<NodeSensors[]> {
  const kind = kindOf('bramble.dev', 'NodeSensors');
  if (kind === undefined) return [];
  const { items } = await objects.list(kind, { namespace: '' });
  return items.map(({ object }) => asKind<NodeSensors>(kind, object));
}

async function computeNodeMetrics(services: Services): Promise<Metrics[]> {
  const nodes = await labelsOf(services, 'Node', '');
  const sensors = await readSensors(services);
  return sensors.map((reading) => ({
    metadata: metadataOf(reading.metadata.name, reading.timestamp, nodes.get(reading.metadata.name)),
    timestamp: reading.timestamp,
    window: WINDOW,
    usage: reading.usage,
  }));
}

async function computePodMetrics(services: Services, namespace: string): Promise<Metrics[]> {
  const pods = await labelsOf(services, 'Pod', namespace);
  const sensors = await readSensors(services);
  return sensors.flatMap(({ timestamp, pods: usages = [] }) =>
    usages.flatMap((usage): Metrics[] => {
      const labels = pods.get(`${usage.namespace}/${usage.name}`);
      if (labels === undefined) return [];
      const metadata = { ...metadataOf(usage.name, timestamp, labels), namespace: usage.namespace };
      const metrics = { metadata, timestamp, window: WINDOW, containers: usage.containers };
      return [metrics];
    }),
  );
}

function metadataOf(name: string, timestamp: string, labels: Record<string, string> = {}): Metrics['metadata'] {
  return { name, creationTimestamp: timestamp, ...(Object.keys(labels).length > 0 ? { labels } : {}) };
}

/** Labels by `namespace/name`, or by name for nodes, of all objects there are. */
async function labelsOf(
  { objects, kindOf }: Services,
  kindName: 'Node' | 'Pod',
  namespace: string,
): Promise<Map<string, Record<string, string>>> {
  const kind = kindOf('', kindName);
  if (kind === undefined) return new Map();
  const { items } = await objects.list(kind, { namespace });
  return new Map(
    items.map(({ object: { metadata } }) => {
      const key = metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;
      return [key, metadata.labels ?? {}];
    }),
  );
}
