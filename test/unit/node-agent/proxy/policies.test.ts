/** What policies look at, and what of it concerns a node. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computePolicyFragments } from '../../../../node-agent/proxy/policies/compute-policies.ts';
import { renderWorld } from '../../../../node-agent/proxy/policies/policy-world.ts';
import type { Namespace } from '../../../../shared/api/namespace.ts';
import type { Pod } from '../../../../shared/api/pod.ts';
import { makePolicy } from '../../../support/rulesets/objects.ts';
import { container, pod } from '../kubelet/builders.ts';

interface PodShape {
  node?: string;
  spec?: Partial<Pod['spec']>;
  status?: Partial<Pod['status']>;
}

function makePod(name: string, { node = 'here', spec, status = { podIP: '10.42.0.9' } }: PodShape): Pod {
  const metadata = { name, labels: { app: name } };
  return pod({ metadata, spec: { nodeName: node, ...spec }, status: { phase: 'Running', ...status } });
}

const NAMESPACES: Namespace[] = [
  {
    ...{ apiVersion: 'v1', kind: 'Namespace', spec: {}, status: { phase: 'Active' } },
    metadata: { name: 'default', uid: '', resourceVersion: '1', creationTimestamp: '', labels: { team: 'home' } },
  },
];
const HERE = new Set(['here']);

describe('pods as policies see them', () => {
  const ADDRESSES: readonly (readonly [string, PodShape, readonly string[]])[] = [
    ['one address', {}, ['10.42.0.9']],
    [
      'both families',
      { status: { podIP: '10.42.0.9', podIPs: [{ ip: '10.42.0.9' }, { ip: 'fd42::9' }] } },
      ['10.42.0.9', 'fd42::9'],
    ],
    ['none yet', { status: { phase: 'Pending', podIP: '' } }, []],
    ['over: its address may be another pod’s by now', { status: { phase: 'Succeeded', podIP: '10.42.0.9' } }, []],
    ['failed', { status: { phase: 'Failed', podIP: '10.42.0.9' } }, []],
    [
      'on the node’s network: its address is the node’s',
      { spec: { hostNetwork: true }, status: { podIP: '10.77.0.1' } },
      [],
    ],
  ];
  for (const [name, shape, expected] of ADDRESSES) {
    it(name, () => assert.deepEqual(renderWorld([makePod('web', shape)], [], HERE).pods[0]?.addresses, expected));
  }

  it('named ports of containers and of sidecars, not of those that run before them', () => {
    const port = (name: string, containerPort: number) => ({ name, containerPort, protocol: 'TCP' }) as const;
    const spec = {
      containers: [container('main', { ports: [port('http', 8080), { containerPort: 9, protocol: 'TCP' }] })],
      initContainers: [
        container('proxy', { restartPolicy: 'Always', ports: [port('admin', 15_000)] }),
        container('setup', { ports: [port('setup', 1)] }),
      ],
    };
    const [web] = renderWorld([makePod('web', { spec })], [], HERE).pods;
    assert.deepEqual(
      web?.ports.map(({ name, port: number }) => `${name} ${number}`),
      ['admin 15000', 'http 8080'],
    );
  });

  it('those of this machine, and what namespaces are labelled', () => {
    const world = renderWorld([makePod('a', {}), makePod('b', { node: 'there' })], NAMESPACES, HERE);
    assert.deepEqual(
      world.pods.map(({ isLocal }) => isLocal),
      [true, false],
    );
    assert.deepEqual([...world.namespaces], [['default', { team: 'home' }]]);
  });
});

describe('what concerns a node', () => {
  const pods = [makePod('web', {}), makePod('db', { node: 'there', status: { podIP: '10.42.1.5' } })];
  const world = renderWorld(pods, NAMESPACES, HERE);
  const owners = (...policies: Parameters<typeof makePolicy>[]): string[] => [
    ...computePolicyFragments(
      policies.map((each) => makePolicy(...each)),
      world,
    ).keys(),
  ];

  it('policies about its pods, and those pods', () => {
    assert.deepEqual(owners(['deny', {}]), ['policy default/deny', 'pod default/web']);
  });
  it('no policy about pods elsewhere, or of another namespace', () => {
    assert.deepEqual(owners(['db', { podSelector: { matchLabels: { app: 'db' } } }], ['other', {}, 'garden']), []);
  });
  it('a policy without rules and directions isolates nothing that it does not name', () => {
    const [, isolation] = [...computePolicyFragments([makePolicy('out', { policyTypes: ['Egress'] })], world).values()];
    assert.deepEqual(
      isolation?.elements.map(({ set }) => set),
      ['isolated-out4'],
    );
  });
});
