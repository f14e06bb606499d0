/** Every kind of service, as the node `here` has it in its table. */
import { makeService, makeSlice } from './objects.ts';
import { type RulesetCase, serviceCase } from './ruleset-case.ts';

const HTTP = { name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 } as const;
const TARGET = [{ name: 'http', protocol: 'TCP', port: 8080 } as const];
const IP = { clusterIP: '10.43.0.9', ports: [HTTP] };
const OUTSIDE = { ...IP, ports: [{ ...HTTP, nodePort: 30_080 }] };

const ELSEWHERE = ['10.42.1.5 there', '10.42.2.6 far'];
const EVERYWHERE = ['10.42.0.4 here', ...ELSEWHERE];
const elsewhere = makeSlice('web', ELSEWHERE, TARGET);
const everywhere = makeSlice('web', EVERYWHERE, TARGET);

const OLD = '2026-01-01T00:00:00Z';
const YOUNG = '2026-02-02T00:00:00Z';

export const SERVICE_CASES: readonly RulesetCase[] = [
  serviceCase('cluster-ip', 'a ClusterIP service with two ports and endpoints on other nodes', [
    makeService('web', { ...IP, ports: [HTTP, { name: 'admin', protocol: 'TCP', port: 81, targetPort: 'admin' }] }),
    makeSlice('web', ELSEWHERE, [...TARGET, { name: 'admin', protocol: 'TCP', port: 9090 }]),
  ]),
  serviceCase('same-node', 'the endpoint of this node is preferred, and is reached by itself, too (hairpin)', [
    makeService('web', IP),
    everywhere,
  ]),
  serviceCase('same-zone', 'PreferSameZone: the endpoints of the zone, be they here or not', [
    makeService('web', { ...IP, trafficDistribution: 'PreferSameZone' }),
    everywhere,
  ]),
  serviceCase('spread', 'the annotation Cluster: all endpoints, wherever they are', [
    makeService('web', IP, { annotations: { 'bramble.dev/traffic-distribution': 'Cluster' } }),
    everywhere,
  ]),
  serviceCase('no-endpoints', 'nobody serves it: its address and its node port are refused', [
    makeService('web', { ...OUTSIDE, type: 'NodePort' }),
    makeSlice('web', ['10.42.1.5 there starting', '10.42.2.6 far silent'], TARGET),
  ]),
  serviceCase('terminating', 'none is ready: those that still answer on their way out', [
    makeService('web', IP),
    makeSlice('web', ['10.42.1.5 there leaving', '10.42.2.6 far silent'], TARGET),
  ]),
  serviceCase('node-port', 'a NodePort service', [makeService('web', { ...OUTSIDE, type: 'NodePort' }), elsewhere]),
  serviceCase('load-balancer', 'a LoadBalancer service on the addresses of two nodes', [
    makeService('web', { ...OUTSIDE, type: 'LoadBalancer' }, { balancers: ['10.77.0.1', '10.77.0.2'] }),
    elsewhere,
  ]),
  serviceCase('source-ranges', 'a LoadBalancer service for some clients only; its node port has no such limit', [
    makeService(
      'web',
      {
        ...{ ...OUTSIDE, type: 'LoadBalancer', clusterIPs: ['10.43.0.9', 'fd43::9'] },
        loadBalancerSourceRanges: ['192.0.2.7/24', ' 198.51.100.0/24', '0.0.0.0/0'],
      },
      { balancers: ['10.77.0.1', 'fd77::1'] },
    ),
    elsewhere,
    makeSlice('web', ['fd42:0:0:1::5 there'], TARGET),
  ]),
  serviceCase('external-ips', 'a service with external addresses of both families, written as people do', [
    makeService('web', {
      ...{ ...IP, clusterIPs: ['10.43.0.9', 'fd43::9'] },
      externalIPs: ['203.0.113.9', '2001:DB8:0:0::9'],
    }),
    elsewhere,
    makeSlice('web', ['fd42:0:0:1::5 there'], TARGET),
  ]),
  serviceCase(
    'address-clash',
    'two services want one external address: the older one has it, however it is written',
    [makeService('web', { ...IP, externalIPs: ['203.0.113.9'] }, { created: YOUNG }), elsewhere],
    [
      makeService('older', { ...IP, clusterIP: '10.43.0.8', externalIPs: ['203.0.113.9'] }, { created: OLD }),
      makeSlice('older', ['10.42.1.9 there'], TARGET),
    ],
  ),
  serviceCase('affinity', 'session affinity: a client stays with its pod for a minute', [
    makeService('web', {
      ...{ ...OUTSIDE, type: 'NodePort', sessionAffinity: 'ClientIP' },
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    }),
    elsewhere,
  ]),
  serviceCase('affinity-local', 'session affinity with endpoints here and elsewhere, and external policy Local', [
    makeService('web', {
      ...{ ...OUTSIDE, type: 'NodePort', sessionAffinity: 'ClientIP', externalTrafficPolicy: 'Local' },
      clusterIPs: ['10.43.0.9', 'fd43::9'],
    }),
    everywhere,
    makeSlice('web', ['fd42::4 here', 'fd42:0:0:1::5 there'], TARGET),
  ]),
  serviceCase('internal-local', 'internal policy Local with an endpoint here', [
    makeService('web', { ...IP, internalTrafficPolicy: 'Local' }),
    everywhere,
  ]),
  serviceCase('internal-local-none', 'internal policy Local without one: silence', [
    makeService('web', { ...IP, internalTrafficPolicy: 'Local' }),
    elsewhere,
  ]),
  serviceCase('external-local', 'external policy Local with an endpoint here: clients keep their addresses', [
    makeService(
      'web',
      { ...OUTSIDE, type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      { balancers: ['10.77.0.1'] },
    ),
    makeSlice('web', [...EVERYWHERE, '10.42.0.5 here leaving'], TARGET),
  ]),
  serviceCase('external-local-none', 'external policy Local without one: only pods and the node itself get through', [
    makeService(
      'web',
      { ...OUTSIDE, type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      { balancers: ['10.77.0.1'] },
    ),
    elsewhere,
  ]),
  serviceCase('external-local-leaving', 'external policy Local while the only endpoint here is on its way out', [
    makeService('web', { ...OUTSIDE, type: 'NodePort', externalTrafficPolicy: 'Local' }),
    makeSlice('web', ['10.42.0.5 here leaving', ...ELSEWHERE], TARGET),
  ]),
  serviceCase('dual-stack', 'one service, both families', [
    makeService('web', { ...OUTSIDE, type: 'NodePort', clusterIPs: ['10.43.0.9', 'fd43::9'] }),
    elsewhere,
    makeSlice('web', ['fd42:0:0:1::5 there', 'fd42:0:0:2::6 far'], TARGET),
  ]),
  serviceCase('udp', 'names over UDP and TCP on one port', [
    makeService('names', {
      clusterIP: '10.43.0.10',
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: 5353 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 5353 },
      ],
    }),
    makeSlice('names', ELSEWHERE, [
      { name: 'dns', protocol: 'UDP', port: 5353 },
      { name: 'dns-tcp', protocol: 'TCP', port: 5353 },
    ]),
  ]),
  serviceCase('sctp', 'a service over SCTP with a node port', [
    makeService('radio', {
      ...{ type: 'NodePort', clusterIP: '10.43.0.11' },
      ports: [{ name: 's1', protocol: 'SCTP', port: 36_412, targetPort: 36_412, nodePort: 30_412 }],
    }),
    makeSlice('radio', ELSEWHERE, [{ name: 's1', protocol: 'SCTP', port: 36_412 }]),
  ]),
  serviceCase(
    'no-address',
    'headless services and those that are only a name have no rules',
    [makeService('db', { ...IP, clusterIP: 'None' }), makeSlice('db', EVERYWHERE, TARGET)],
    [makeService('mirror', { type: 'ExternalName', externalName: 'mirror.example.org', ports: [HTTP] })],
  ),
];
