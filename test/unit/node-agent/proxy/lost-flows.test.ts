/** Which UDP flows the kernel is told to forget. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { computeLostFlows, renderFlow } from '../../../../node-agent/proxy/kernel/lost-flows.ts';
import type { Portal, Target } from '../../../../node-agent/proxy/services/portal.ts';

const A: Target = { address: '10.42.0.5', port: 5353, isLocal: true };
const B: Target = { address: '10.42.1.6', port: 5353, isLocal: false };

function dns(targets: Target[], change: Partial<Portal> = {}): Portal[] {
  const portal: Portal = {
    ...{ namespace: 'default', name: 'dns', port: 53, protocol: 'UDP', family: 4, created: '', nodePort: 0 },
    frontends: [{ kind: 'ClusterIP', address: '10.43.0.9' }],
    internal: targets,
    external: { policy: 'cluster', cluster: targets, local: [] },
    sourceRanges: undefined,
    affinitySeconds: 0,
    ...change,
  };
  return [portal];
}

const table: { name: string; before: Portal[]; after: Portal[]; lost: string[] }[] = [
  { name: 'nothing changes', before: dns([A, B]), after: dns([A, B]), lost: [] },
  {
    name: 'a pod has gone',
    before: dns([A, B]),
    after: dns([B]),
    lost: ['--reply-src 10.42.0.5 --reply-port-src 5353'],
  },
  {
    name: 'the first pod has come: who asked before is led there, too',
    before: dns([]),
    after: dns([A]),
    lost: ['--orig-dst 10.43.0.9 --orig-port-dst 53 --reply-src 10.43.0.9'],
  },
  {
    name: 'an agent that starts: what nobody led anywhere, but nothing that was led',
    before: [],
    after: dns([A], { nodePort: 30_053 }),
    lost: [
      '--orig-dst 10.43.0.9 --orig-port-dst 53 --reply-src 10.43.0.9',
      '--orig-port-dst 30053 --reply-port-src 30053',
    ],
  },
  { name: 'TCP ends by itself', before: dns([A], { protocol: 'TCP' }), after: [], lost: [] },
];

for (const { name, before, after, lost } of table) {
  it(name, () => {
    const flows = computeLostFlows(before, after).map((flow) => renderFlow(flow).join(' '));
    assert.deepEqual(flows, lost);
  });
}
