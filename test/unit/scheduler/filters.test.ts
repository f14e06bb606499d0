/** Each filter: which pod may go to which node, and in which words it is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilters, refusalOf } from '../../../master/scheduler/feasibility.ts';
import { DEFAULT_PROFILE } from '../../../master/scheduler/profile.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { makeSnapshot, type NodeOptions, type PodOptions, podInfo } from './cluster.ts';

interface Row {
  what: string;
  pod: PodOptions;
  node?: NodeOptions;
  pods?: PodOptions[];
  refused?: string[];
}

function affinity(
  terms: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'; values?: string[] }[][],
) {
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })),
        },
      },
    },
  };
}

const SELECTOR = ["node(s) didn't match Pod's node affinity/selector"];
const PORTS = ["node(s) didn't have free ports for the requested pod ports"];
const GPU = { key: 'gpu', value: 'yes', effect: 'NoSchedule' } as const;
const CORDON = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;

const ROWS: Row[] = [
  { what: 'an empty pod fits an empty node', pod: {} },
  { what: 'a cordoned node', pod: {}, node: { unschedulable: true }, refused: ['node(s) were unschedulable'] },
  {
    what: 'a cordoned node and a pod that bears it',
    pod: { tolerations: [{ key: CORDON.key, operator: 'Exists' }] },
    node: { unschedulable: true },
  },
  { what: 'the wanted node', pod: { nodeName: 'pi-1' } },
  { what: 'not the wanted node', pod: { nodeName: 'pi-2' }, refused: ["node(s) didn't match the requested node name"] },
  { what: 'a taint', pod: {}, node: { taints: [GPU] }, refused: ['node(s) had untolerated taint {gpu: yes}'] },
  {
    what: 'a NoExecute taint without value',
    pod: {},
    node: { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] },
    refused: ['node(s) had untolerated taint {node.kubernetes.io/unreachable: }'],
  },
  { what: 'a mild taint', pod: {}, node: { taints: [{ ...GPU, effect: 'PreferNoSchedule' }] } },
  { what: 'a tolerated taint', pod: { tolerations: [{ key: 'gpu', value: 'yes' }] }, node: { taints: [GPU] } },
  {
    what: 'a taint tolerated for another value',
    pod: { tolerations: [{ key: 'gpu', value: 'no' }] },
    node: { taints: [GPU] },
    refused: ['node(s) had untolerated taint {gpu: yes}'],
  },
  {
    what: 'a taint tolerated for another effect',
    pod: { tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }] },
    node: { taints: [GPU] },
    refused: ['node(s) had untolerated taint {gpu: yes}'],
  },
  { what: 'everything tolerated', pod: { tolerations: [{ operator: 'Exists' }] }, node: { taints: [GPU, CORDON] } },
  { what: 'selector holds', pod: { nodeSelector: { disk: 'ssd' } }, node: { labels: { disk: 'ssd' } } },
  {
    what: 'selector fails',
    pod: { nodeSelector: { disk: 'ssd' } },
    node: { labels: { disk: 'sd' } },
    refused: SELECTOR,
  },
  {
    what: 'one of two terms holds',
    pod: affinity([[{ key: 'disk', operator: 'In', values: ['ssd'] }], [{ key: 'gpio', operator: 'Exists' }]]),
    node: { labels: { gpio: '' } },
  },
  {
    what: 'one of two tests of a term fails',
    pod: affinity([
      [
        { key: 'disk', operator: 'In', values: ['ssd'] },
        { key: 'gpio', operator: 'Exists' },
      ],
    ]),
    node: { labels: { gpio: '' } },
    refused: SELECTOR,
  },
  { what: 'NotIn without the label', pod: affinity([[{ key: 'disk', operator: 'NotIn', values: ['sd'] }]]) },
  { what: 'Gt', pod: affinity([[{ key: 'ram', operator: 'Gt', values: ['4'] }]]), node: { labels: { ram: '8' } } },
  {
    what: 'Lt fails',
    pod: affinity([[{ key: 'ram', operator: 'Lt', values: ['4'] }]]),
    node: { labels: { ram: '8' } },
    refused: SELECTOR,
  },
  { what: 'an empty term holds for no node', pod: affinity([[]]), refused: SELECTOR },
  {
    what: 'selector and affinity must both hold',
    pod: { nodeSelector: { a: 'b' }, ...affinity([[{ key: 'a', operator: 'Exists' }]]) },
    refused: SELECTOR,
  },
  { what: 'a free port', pod: { ports: [{ hostPort: 80 }] }, pods: [{ ports: [{ hostPort: 81 }] }] },
  { what: 'a taken port', pod: { ports: [{ hostPort: 80 }] }, pods: [{ ports: [{ hostPort: 80 }] }], refused: PORTS },
  {
    what: 'the port of another protocol',
    pod: { ports: [{ hostPort: 80 }] },
    pods: [{ ports: [{ hostPort: 80, protocol: 'UDP' }] }],
  },
  {
    what: 'the port on another address',
    pod: { ports: [{ hostPort: 80, hostIP: '10.0.0.1' }] },
    pods: [{ ports: [{ hostPort: 80, hostIP: '10.0.0.2' }] }],
  },
  {
    what: 'the port on every address',
    pod: { ports: [{ hostPort: 80, hostIP: '10.0.0.1' }] },
    pods: [{ ports: [{ hostPort: 80 }] }],
    refused: PORTS,
  },
  { what: 'exactly what is left', pod: { requests: { cpu: '3' } }, pods: [{ requests: { cpu: '1' } }] },
  {
    what: 'more CPU than is left',
    pod: { requests: { cpu: '3001m' } },
    pods: [{ requests: { cpu: '1' } }],
    refused: ['Insufficient cpu'],
  },
  {
    what: 'too much of everything',
    pod: { requests: { cpu: '5', memory: '5Gi', 'bramble.dev/gpio': '1' } },
    node: { pods: '0' },
    refused: ['Too many pods', 'Insufficient cpu', 'Insufficient memory', 'Insufficient bramble.dev/gpio'],
  },
  { what: 'no more pods', pod: {}, node: { pods: '1' }, pods: [{}], refused: ['Too many pods'] },
  {
    what: 'a taken dongle',
    pod: { requests: { 'bramble.dev/zigbee': '1' } },
    node: { others: { 'bramble.dev/zigbee': '1' } },
    pods: [{ requests: { 'bramble.dev/zigbee': '1' } }],
    refused: ['Insufficient bramble.dev/zigbee'],
  },
  {
    what: 'a pod that asks for nothing fits a node that promised too much',
    pod: {},
    node: { cpu: '1' },
    pods: [{ requests: { cpu: '2' } }],
  },
];

for (const { what, pod, node, pods = [], refused } of ROWS) {
  test(`filters: ${what}`, () => {
    const snapshot = makeSnapshot({ nodes: [node ?? {}], pods: { 'pi-1': pods } });
    const info = podInfo(pod);
    const [only] = snapshot.nodes;
    const refusal = refusalOf(compileFilters(info, snapshot, DEFAULT_PROFILE), defined(only, 'the node'), info);
    assert.deepEqual(refusal?.reasons, refused);
  });
}
