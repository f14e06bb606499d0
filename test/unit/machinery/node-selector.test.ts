/** Which nodes meet a pod's demands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NodeDemands, type NodeTerm, nodeMeetsDemands } from '../../../shared/machinery/node-selector.ts';

const node = { name: 'pi-1', labels: { arch: 'arm64', cores: '4' } };

function affinity(...nodeSelectorTerms: NodeTerm[]): NodeDemands {
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } };
}

const cases: [why: string, demands: NodeDemands, meets: boolean][] = [
  ['none', {}, true],
  ['its labels', { nodeSelector: { arch: 'arm64' } }, true],
  ['other labels', { nodeSelector: { arch: 'arm64', gpio: 'yes' } }, false],
  ['its name', affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['pi-1'] }] }), true],
  ['another name', affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['pi-2'] }] }), false],
  [
    'one of two terms',
    affinity(
      { matchExpressions: [{ key: 'x', operator: 'Exists' }] },
      { matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['2'] }] },
    ),
    true,
  ],
  ['an empty term', affinity({}), false],
  ['no term', affinity(), false],
  [
    'both tests of a term',
    affinity({
      matchExpressions: [
        { key: 'arch', operator: 'In', values: ['arm64'] },
        { key: 'arch', operator: 'NotIn', values: ['arm64'] },
      ],
    }),
    false,
  ],
];

for (const [why, demands, meets] of cases) {
  test(`${why}: ${meets}`, () => assert.equal(nodeMeetsDemands(demands, node), meets));
}
