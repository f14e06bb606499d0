/** Every kind of network policy, as the node `here` has it in its table. */
import type { PolicyPod } from '../../../node-agent/proxy/policies/policy-pod.ts';
import { makePolicy } from './objects.ts';
import { policyCase, type RulesetCase } from './ruleset-case.ts';

const NO_PORTS = { ports: [] };

/** `namespace/name`, its label `app` is the name's first word; on this node when its address is of this node's slice. */
function pod(key: string, addresses: readonly string[], more: Partial<PolicyPod> = NO_PORTS): PolicyPod {
  const [namespace = '', name = ''] = key.split('/');
  const labels = { app: name.split('-')[0] ?? '' };
  const isLocal = addresses.some((address) => address.startsWith('10.42.0.') || address.startsWith('fd42::'));
  return { namespace, name, labels, addresses, isLocal, ports: [], ...more };
}

const PODS: readonly PolicyPod[] = [
  pod('default/web-1', ['10.42.0.4', 'fd42::4'], { ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }),
  pod('default/web-2', ['10.42.1.4'], { ports: [{ name: 'http', protocol: 'TCP', port: 8081 }] }),
  pod('default/db-1', ['10.42.1.5', 'fd42:0:0:1::5'], { ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }] }),
  pod('garden/pump-1', ['10.42.0.6']),
  pod('cellar/pump-1', ['10.42.2.7']),
  pod('cellar/web-1', ['10.42.2.8']),
  // Without an address yet.
  pod('default/web-3', [], { isLocal: true }),
];

const WEB = { podSelector: { matchLabels: { app: 'web' } } };
const PUMP = { podSelector: { matchLabels: { app: 'pump' } } };
const GARDEN = { namespaceSelector: { matchLabels: { team: 'garden' } } };

/** The most that a name may have. */
const LONG = `${'long.'.repeat(50)}end`;

export const POLICY_CASES: readonly RulesetCase[] = [
  policyCase({
    name: 'default-deny-ingress',
    about: 'nothing comes in to any pod of the namespace',
    policies: [makePolicy('deny', {})],
    pods: PODS,
  }),
  policyCase({
    name: 'default-deny-egress',
    about: 'nothing goes out',
    policies: [makePolicy('deny', { policyTypes: ['Egress'] })],
    pods: PODS,
  }),
  policyCase({
    name: 'default-deny-all',
    about: 'neither in nor out',
    policies: [makePolicy('deny', { policyTypes: ['Ingress', 'Egress'] })],
    pods: PODS,
  }),
  policyCase({
    name: 'allow-all',
    about: 'everything comes in and goes out, whatever others say',
    policies: [
      makePolicy('allow', { policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] }),
      makePolicy('deny', { policyTypes: ['Ingress', 'Egress'] }),
    ],
    pods: PODS,
  }),
  policyCase({
    name: 'peers',
    about: 'from pods of the own namespace, from all of some namespaces, and from some pods of those',
    policies: [
      makePolicy('own', { ...WEB, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'db' } } }] }] }),
      makePolicy('namespaces', { ...WEB, ingress: [{ from: [GARDEN] }] }),
      makePolicy('both', {
        ...WEB,
        ingress: [
          { from: [{ ...PUMP, namespaceSelector: { matchExpressions: [{ key: 'damp', operator: 'Exists' }] } }] },
        ],
      }),
    ],
    pods: PODS,
  }),
  policyCase({
    name: 'ports',
    about: 'one port, a range, a whole protocol; each with each of the peers',
    policies: [
      makePolicy('ports', {
        ...WEB,
        ingress: [
          {
            from: [PUMP, { ipBlock: { cidr: '192.0.2.0/24' } }],
            ports: [
              { protocol: 'TCP', port: 8080 },
              { protocol: 'UDP', port: 5000, endPort: 5010 },
              { protocol: 'SCTP' },
            ],
          },
        ],
      }),
    ],
    pods: PODS,
  }),
  policyCase({
    name: 'named-ports',
    about: 'ports by name: of the pod itself when coming in, of the peer when going out',
    policies: [
      makePolicy('in', { ...WEB, ingress: [{ from: [GARDEN], ports: [{ protocol: 'TCP', port: 'http' }] }] }),
      makePolicy('out', {
        ...WEB,
        policyTypes: ['Egress'],
        egress: [
          {
            to: [{ podSelector: {} }],
            ports: [
              { protocol: 'TCP', port: 'sql' },
              { protocol: 'UDP', port: 53 },
            ],
          },
          { ports: [{ protocol: 'TCP', port: 'http' }] },
        ],
      }),
    ],
    pods: PODS,
  }),
  policyCase({
    name: 'ip-block',
    about: 'ranges of both families with parts left out, and the whole world',
    policies: [
      makePolicy('blocks', {
        ...WEB,
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          {
            from: [
              { ipBlock: { cidr: '192.0.2.77/24', except: ['192.0.2.64/26', '192.0.2.1/32'] } },
              { ipBlock: { cidr: '2001:DB8::/32', except: ['2001:db8:0:1::/64'] } },
            ],
          },
        ],
        egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }, { ipBlock: { cidr: '::/0' } }] }],
      }),
    ],
    pods: PODS,
  }),
  policyCase({
    name: 'elsewhere',
    about: 'a policy about pods of other nodes only says nothing here',
    policies: [makePolicy('db', { podSelector: { matchLabels: { app: 'db' } } })],
    pods: PODS,
  }),
  policyCase({
    name: 'long-names',
    about:
      'names of the greatest length, of policy and pod: more than the kernel takes, so that their ends become hashes',
    policies: [makePolicy(LONG, { ingress: [{ from: [PUMP], ports: [{ protocol: 'TCP', port: 'http' }] }] })],
    pods: [
      pod(`default/${LONG}`, ['10.42.0.9'], { ports: [{ name: 'http', protocol: 'TCP', port: 80 }] }),
      pod('default/pump-1', ['10.42.1.9']),
    ],
  }),
];
