/** What is refused in the other kinds beyond their schemas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertificateSigningRequestKind } from '../../../shared/api/certificate-signing-request.ts';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { type Deployment, DeploymentKind } from '../../../shared/api/deployment.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { LeaseKind } from '../../../shared/api/lease.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import { ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import { SecretKind } from '../../../shared/api/secret.ts';
import { type Service, ServiceKind } from '../../../shared/api/service.ts';
import { isIpAddress } from '../../../shared/api/validation/text.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { admit, stored } from './support.ts';

type DeploymentDraft = NonNullable<Draft<Deployment>['spec']>;

const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } };
const sound: DeploymentDraft = { selector: { matchLabels: labels }, template };

function deploymentComplaints(changes: DeploymentDraft): string[] {
  return admit(DeploymentKind, { metadata: {}, spec: { ...sound, ...changes } }).complaints;
}

const deployments: [why: string, changes: DeploymentDraft, complaints: string[]][] = [
  ['sound', {}, []],
  [
    'counts',
    { replicas: -1, minReadySeconds: -1, revisionHistoryLimit: -1 },
    [
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  ['empty selector', { selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for deployment']],
  [
    'selector of others',
    { selector: { matchLabels: { app: 'db' } } },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    'selector without values',
    { selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } },
    ["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
  ],
  [
    'no progress possible',
    { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  ],
  [
    'more than all',
    { strategy: { rollingUpdate: { maxUnavailable: '101%' } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
  ],
  [
    'no percentage',
    { strategy: { rollingUpdate: { maxSurge: 'many' } } },
    [`spec.strategy.rollingUpdate.maxSurge: Invalid value: "many": must be an integer or a percentage (e.g '5%')`],
  ],
  [
    'a speed for all at once',
    { strategy: { type: 'Recreate', rollingUpdate: {} } },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    'deadline too early',
    { minReadySeconds: 30, progressDeadlineSeconds: 30 },
    ['spec.progressDeadlineSeconds: Invalid value: 30: must be greater than minReadySeconds'],
  ],
  [
    'pods that end',
    { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never', activeDeadlineSeconds: 9 } } },
    [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in deployment is not supported',
    ],
  ],
  [
    'faults of the template',
    { template: { ...template, spec: { containers: [{ name: 'web' }] } } },
    ['spec.template.spec.containers[0].image: Required value'],
  ],
];

for (const [why, changes, complaints] of deployments) {
  test(`deployment: ${why}`, () => assert.deepEqual(deploymentComplaints(changes), complaints));
}

test('what a workload must have is asked for', () => {
  const { complaints } = admit(DeploymentKind, { metadata: {} });
  assert.deepEqual(complaints, ['spec.selector: Required value', 'spec.template: Required value']);
});

test('the selector of a workload stays', () => {
  const old = stored(DeploymentKind, { metadata: {}, spec: sound });
  const next = structuredClone(old);
  next.spec.selector.matchLabels = { app: 'new' };
  next.spec.template.metadata.labels = { app: 'new' };
  const message = 'Invalid value: {"matchLabels":{"app":"new"}}: field is immutable';
  assert.deepEqual(DeploymentKind.validate?.(next, old), [{ type: 'invalid', field: 'spec.selector', message }]);
  const set = stored(ReplicaSetKind, { metadata: {}, spec: sound });
  assert.deepEqual(ReplicaSetKind.validate?.(structuredClone(set), set), []);
});

type ServiceDraft = NonNullable<Draft<Service>['spec']>;

const services: [why: string, spec: ServiceDraft, complaints: string[]][] = [
  ['without ports', {}, ['spec.ports: Required value']],
  ['headless without ports', { clusterIP: 'None' }, []],
  [
    'two ports without names',
    { ports: [{ port: 80 }, { port: 81 }] },
    ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
  ],
  [
    'one port twice',
    {
      ports: [
        { name: 'a', port: 80 },
        { name: 'a', port: 80 },
      ],
    },
    ['spec.ports[1].name: Duplicate value: "a"', 'spec.ports[1]: Duplicate value: "80/TCP"'],
  ],
  [
    'one number, two protocols',
    {
      ports: [
        { name: 'a', port: 53 },
        { name: 'b', port: 53, protocol: 'UDP' },
      ],
    },
    [],
  ],
  [
    'port out of range',
    { ports: [{ port: 0, targetPort: 65_536 }] },
    [
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
  ],
  [
    'node port where there is none',
    { ports: [{ port: 80, nodePort: 30_080 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'a name that is no address',
    { ports: [{ port: 80 }], clusterIP: 'web' },
    ['spec.clusterIPs[0]: Invalid value: "web": must be an IP address, such as 10.9.8.7 or 2001:db8::1'],
  ],
  [
    'headless with node ports',
    { type: 'NodePort', ports: [{ port: 80 }], clusterIP: 'None' },
    [`spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`],
  ],
  ['a domain without a name', { type: 'ExternalName' }, ['spec.externalName: Required value']],
  [
    'policy without a way in',
    { ports: [{ port: 80 }], externalTrafficPolicy: 'Local' },
    ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
  ],
];

for (const [why, spec, complaints] of services) {
  test(`service: ${why}`, () => assert.deepEqual(admit(ServiceKind, { metadata: {}, spec }).complaints, complaints));
}

test('the address of a service stays, unless it becomes a domain name', () => {
  const old = stored(ServiceKind, { metadata: {}, spec: { ports: [{ port: 80 }], clusterIP: '10.43.0.9' } });
  const moved = { ports: [{ port: 80 }], clusterIP: '10.43.0.10' };
  assert.deepEqual(admit(ServiceKind, { metadata: {}, spec: moved }, old).complaints, [
    'spec.clusterIPs[0]: Invalid value: ["10.43.0.10"]: may not change once set',
  ]);
  const named = { type: 'ExternalName' as const, externalName: 'db.example' };
  assert.deepEqual(admit(ServiceKind, { metadata: {}, spec: named }, old).complaints, []);
});

test('keys are file names, and all values together are bounded', () => {
  assert.match(
    admit(ConfigMapKind, { metadata: {}, data: { 'a/b': '' } }).complaints[0] ?? '',
    /^data\[a\/b\]: Invalid value/,
  );
  const half = 'x'.repeat(600_000);
  assert.deepEqual(admit(ConfigMapKind, { metadata: {}, data: { a: half, b: half } }).complaints, [
    ': Too long: may not be more than 1048576 bytes',
  ]);
  assert.deepEqual(admit(ConfigMapKind, { metadata: {}, data: { a: '1' }, binaryData: { a: 'AA==' } }).complaints, [
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ]);
  const big = Buffer.alloc(1_048_577).toString('base64');
  assert.deepEqual(admit(SecretKind, { metadata: {}, data: { a: big } }).complaints, [
    'data: Too long: may not be more than 1048576 bytes',
  ]);
});

test('sealed data stays sealed', () => {
  const old = stored(ConfigMapKind, { metadata: {}, data: { a: '1' }, immutable: true });
  const why = 'Forbidden: field is immutable when `immutable` is set';
  assert.deepEqual(admit(ConfigMapKind, { metadata: {}, data: { a: '2' } }, old).complaints, [
    `immutable: ${why}`,
    `data: ${why}`,
  ]);
  assert.deepEqual(admit(ConfigMapKind, { metadata: {}, data: { a: '1' }, immutable: true }, old).complaints, []);
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const secrets: [type: string, data: Record<string, string>, complaints: string[]][] = [
  ['kubernetes.io/tls', { 'tls.crt': 'AA==' }, ['data[tls.key]: Required value']],
  ['kubernetes.io/ssh-auth', {}, ['data[ssh-privatekey]: Required value']],
  ['kubernetes.io/basic-auth', {}, ['data[username]: Required value', 'data[password]: Required value']],
  ['kubernetes.io/basic-auth', { password: 'AA==' }, []],
  ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64('{"auths":{}}') }, []],
  [
    'kubernetes.io/dockerconfigjson',
    { '.dockerconfigjson': base64('{') },
    ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be valid JSON'],
  ],
  [
    'kubernetes.io/service-account-token',
    {},
    ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  ],
  ['bootstrap.kubernetes.io/token', {}, []],
  ['helm.sh/release.v1', {}, []],
];

for (const [type, data, complaints] of secrets) {
  test(`a secret of type ${type} with ${Object.keys(data)}`, () =>
    assert.deepEqual(admit(SecretKind, { metadata: {}, type, data }).complaints, complaints));
}

test('the type of a secret stays', () => {
  const old = stored(SecretKind, { metadata: {} });
  assert.deepEqual(admit(SecretKind, { metadata: {}, type: 'other' }, old).complaints, [
    'type: Invalid value: "other": field is immutable',
  ]);
});

test('taints of a node can be told apart, its ranges stay', () => {
  const taint = { key: 'dedicated', effect: 'NoSchedule' as const };
  assert.deepEqual(admit(NodeKind, { metadata: {}, spec: { taints: [taint, { ...taint, value: 'x' }] } }).complaints, [
    'spec.taints[1]: Duplicate value: "dedicated:NoSchedule"',
  ]);
  const old = stored(NodeKind, { metadata: {}, spec: { podCIDRs: ['10.42.0.0/24'] } });
  const { complaints } = admit(NodeKind, { metadata: {}, spec: { podCIDRs: ['10.42.1.0/24'] } }, old);
  assert.match(complaints[0] ?? '', /^spec\.podCIDRs: Forbidden/);
});

test('an event stands where its object does', () => {
  const complaints = (namespace: string | undefined): string[] =>
    admit(EventKind, { metadata: {}, involvedObject: { kind: 'Pod', namespace } }).complaints;
  assert.deepEqual(complaints('default'), []);
  assert.deepEqual(complaints(undefined), []);
  assert.deepEqual(complaints('other'), [
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ]);
});

test('a lease lasts some time', () => {
  const spec = { leaseDurationSeconds: 0, leaseTransitions: -1, holderIdentity: '' };
  assert.deepEqual(admit(LeaseKind, { metadata: {}, spec }).complaints, [
    'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    'spec.holderIdentity: Required value: must not be empty',
    'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
  ]);
});

test('a signing request is whole, and cannot be approved and denied', () => {
  const pem = base64('-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n');
  const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
  const bad = { request: base64('hello'), signerName: 'nobody', expirationSeconds: 60 };
  const fields = admit(CertificateSigningRequestKind, { metadata: {}, spec: bad }).complaints.map(
    (line) => line.split(':')[0],
  );
  assert.deepEqual(fields, ['spec.signerName', 'spec.request', 'spec.usages', 'spec.expirationSeconds']);
  const old = stored(CertificateSigningRequestKind, {
    metadata: {},
    spec: { request: pem, signerName, usages: ['client auth'] },
  });
  const both = structuredClone(old);
  both.status.conditions = ['Approved', 'Denied'].map((type) => ({ type, status: 'True' }));
  assert.equal(CertificateSigningRequestKind.validate?.(both, old)[0]?.field, 'status.conditions');
  const changed = structuredClone(old);
  changed.spec.usages = ['server auth'];
  assert.equal(CertificateSigningRequestKind.validate?.(changed, old)[0]?.field, 'spec');
});

const addresses: [text: string, isAddress: boolean][] = [
  ['10.43.0.1', true],
  ['255.255.255.255', true],
  ['256.0.0.1', false],
  ['1.2.3', false],
  ['01.2.3.4', false],
  ['::1', true],
  ['fd00::10.0.0.1', true],
  ['fd00::zz', false],
  ['', false],
  ['localhost', false],
];

for (const [text, isAddress] of addresses) {
  test(`"${text}" is ${isAddress ? 'an' : 'no'} address`, () => assert.equal(isIpAddress(text), isAddress));
}

test('an object that lacks everything is refused and crashes nothing', () => {
  for (const kind of ALL_KINDS) admit(kind, { metadata: {} });
});
