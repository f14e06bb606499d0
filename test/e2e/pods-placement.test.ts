/** Where pods run and whether: what they ask of a node, of their neighbours and of others' places. On real Docker. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NodeKind } from '../../shared/api/node.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { hasDocker } from '../support/docker.ts';
import { container, isReady, openPodNode, type PodNode, until } from '../support/pod-node.ts';

let node: PodNode;

const small = { resources: { requests: { cpu: '1m' } } };
const key = (name: string) => ({ namespace: 'default', name });
const labelled = (app: string): JsonObject => ({ matchLabels: { app } });
const zoneIn = (...values: string[]): JsonObject => ({ key: 'zone', operator: 'In', values });
const terms = (...matchExpressions: JsonObject[]): JsonObject => ({ nodeSelectorTerms: [{ matchExpressions }] });
const near = (over: JsonObject): JsonObject => ({ topologyKey: 'zone', labelSelector: labelled('anchor'), ...over });
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const TOLERANT = { tolerations: [{ key: 'room', operator: 'Equal', value: 'cellar', effect: 'NoSchedule' }] };

interface Pair {
  /** Comes to run. */
  fits?: JsonObject;
  /** Waits, and why. */
  waits?: JsonObject;
  why?: RegExp;
}

/** By the title of their test. All tolerate the node's taint unless they are about it. */
const PAIRS: Readonly<Record<string, Pair>> = {
  nodeSelector: {
    fits: { nodeSelector: { zone: 'east' } },
    waits: { nodeSelector: { zone: 'west' } },
    why: /didn't match Pod's node affinity\/selector/,
  },
  nodeAffinity: {
    fits: {
      affinity: {
        nodeAffinity: {
          [REQUIRED]: terms(zoneIn('east', 'west'), { key: 'memory-gb', operator: 'Gt', values: ['3'] }),
          [PREFERRED]: [{ weight: 10, preference: { matchExpressions: [{ key: 'zone', operator: 'Exists' }] } }],
        },
      },
    },
    waits: { affinity: { nodeAffinity: { [REQUIRED]: terms({ key: 'memory-gb', operator: 'Lt', values: ['3'] }) } } },
    why: /didn't match Pod's node affinity\/selector/,
  },
  podAffinity: {
    fits: {
      affinity: {
        podAffinity: {
          [REQUIRED]: [near({ namespaces: ['default'] })],
          [PREFERRED]: [{ weight: 1, podAffinityTerm: near({ namespaceSelector: {} }) }],
        },
      },
    },
    waits: { affinity: { podAffinity: { [REQUIRED]: [near({ labelSelector: labelled('nobody') })] } } },
    why: /didn't match pod affinity rules/,
  },
  podAntiAffinity: {
    fits: { affinity: { podAntiAffinity: { [PREFERRED]: [{ weight: 1, podAffinityTerm: near({}) }] } } },
    waits: { affinity: { podAntiAffinity: { [REQUIRED]: [near({})] } } },
    why: /didn't match pod anti-affinity rules/,
  },
  topologySpreadConstraints: {
    fits: { topologySpreadConstraints: [spread({ whenUnsatisfiable: 'ScheduleAnyway' })] },
    waits: { topologySpreadConstraints: [spread({ whenUnsatisfiable: 'DoNotSchedule', minDomains: 2 })] },
    why: /didn't match pod topology spread constraints/,
  },
  tolerations: { fits: TOLERANT, waits: { tolerations: [] }, why: /untolerated taint/ },
  'requests beyond the node': {
    waits: { containers: [container({ resources: { requests: { cpu: '1000' } } })] },
    why: /Insufficient cpu/,
  },
  'resources of the pod as a whole': {
    fits: { resources: { requests: { cpu: '2m', memory: '4Mi' } } },
    waits: { resources: { requests: { cpu: '1000' } } },
    why: /Insufficient cpu/,
  },
};

function spread(over: JsonObject): JsonObject {
  const policies = { nodeAffinityPolicy: 'Honor', nodeTaintsPolicy: 'Ignore', matchLabelKeys: ['app'] };
  return { maxSkew: 1, topologyKey: 'zone', labelSelector: labelled('anchor'), ...policies, ...over };
}

const nameOf = (title: string, what: string): string => `${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}-${what}`;

async function schedule(name: string, spec: JsonObject, app = 'guest'): Promise<void> {
  await node.schedule(name, { containers: [container(small)], ...TOLERANT, ...spec }, { labels: { app } });
}

async function prepareNode(): Promise<void> {
  const body = { metadata: { labels: { zone: 'east', 'memory-gb': '4' } } };
  await node.client.patch(NodeKind, { name: node.name }, { type: 'merge', body });
  const taints = [{ key: 'room', value: 'cellar', effect: 'NoSchedule' }];
  await node.client.patch(NodeKind, { name: node.name }, { type: 'strategic', body: { spec: { taints } } });
}

async function createAll(): Promise<void> {
  await until('the node is known', () => node.client.get(NodeKind, { name: node.name }).catch(() => undefined));
  await prepareNode();
  await schedule('anchor', {}, 'anchor');
  await node.ready('anchor');
  await Promise.all([
    ...Object.entries(PAIRS).flatMap(([title, { fits, waits }]) => [
      ...(fits ? [schedule(nameOf(title, 'fits'), fits)] : []),
      ...(waits ? [schedule(nameOf(title, 'waits'), waits, title.startsWith('topology') ? 'anchor' : 'guest')] : []),
    ]),
    schedule('gated', { schedulingGates: [{ name: 'example.com/later' }] }),
    schedule('elsewhere', { schedulerName: 'another' }),
    schedule('critical', { priorityClassName: 'system-node-critical' }),
  ]);
}

const scheduled = ({ status }: Pod) => status.conditions?.find(({ type }) => type === 'PodScheduled');

async function comesOut(title: string): Promise<void> {
  const { fits, waits, why = /./ } = PAIRS[title] ?? {};
  if (fits) await node.ready(nameOf(title, 'fits'));
  if (!waits) return;
  const waiting = nameOf(title, 'waits');
  const pod = await node.until(waiting, 'waits', (seen) => scheduled(seen)?.reason === 'Unschedulable');
  assert.match(scheduled(pod)?.message ?? '', why);
  assert.match(await node.event(waiting, 'FailedScheduling'), why);
}

/** All of the node's CPU that is left, in millis. */
async function freeMillis(): Promise<number> {
  const { status } = await node.client.get(NodeKind, { name: node.name });
  return Number(status.allocatable?.['cpu'] ?? 0) * 1000;
}

if (await hasDocker()) {
  describe('pods on Docker: places', () => {
    before(async () => {
      node = await openPodNode();
      await createAll();
    });
    after(() => node?.close());

    it('nodeSelector', () => comesOut('nodeSelector'));
    it('nodeAffinity', () => comesOut('nodeAffinity'));
    it('podAffinity', () => comesOut('podAffinity'));
    it('podAntiAffinity', () => comesOut('podAntiAffinity'));
    it('topologySpreadConstraints', () => comesOut('topologySpreadConstraints'));
    it('tolerations', () => comesOut('tolerations'));
    it('requests beyond the node', () => comesOut('requests beyond the node'));
    it('resources of the pod as a whole', () => comesOut('resources of the pod as a whole'));

    it('schedulingGates', async () => {
      const gated = await node.until('gated', 'waits', (seen) => scheduled(seen)?.reason === 'SchedulingGated');
      assert.equal(gated.spec.nodeName, undefined);
      const body = { spec: { schedulingGates: null } };
      await node.client.patch(PodKind, key('gated'), { type: 'merge', body });
      await node.ready('gated');
    });

    it('schedulerName: another scheduler is left to its work', async () => {
      assert.deepEqual((await node.get('elsewhere')).spec.nodeName, undefined);
      assert.equal(scheduled(await node.get('elsewhere')), undefined);
    });

    it('nodeName: a pod that names its node itself', async () => {
      const pod = await node.create('placed', { ...TOLERANT, containers: [container(small)] });
      assert.equal(pod.spec.nodeName, node.name);
      await node.ready('placed');
    });

    it('priorityClassName: a pod of higher priority takes the place of a lower one', async () => {
      const critical = await node.ready('critical');
      assert.deepEqual(
        [critical.spec.priority, critical.spec.preemptionPolicy],
        [2_000_001_000, 'PreemptLowerPriority'],
      );
      const cpu = `${Math.floor((await freeMillis()) * 0.6)}m`;
      const big = { containers: [container({ resources: { requests: { cpu } } })] };
      await schedule('low', big);
      await node.ready('low');
      await schedule('high', { ...big, priorityClassName: 'system-node-critical' });
      await until('high runs in the place of low', async () => {
        const [high, low] = await Promise.all([node.get('high'), node.get('low').catch(() => undefined)]);
        return isReady(high) && (low === undefined || low.status.phase === 'Failed');
      });
    });
  });
}
