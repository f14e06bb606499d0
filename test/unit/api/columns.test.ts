/** What kubectl prints of each kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertificateSigningRequestKind } from '../../../shared/api/certificate-signing-request.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { LeaseKind } from '../../../shared/api/lease.ts';
import { NamespaceKind } from '../../../shared/api/namespace.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import { ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import { SecretKind } from '../../../shared/api/secret.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
import { ServiceAccountKind } from '../../../shared/api/service-account.ts';
import { cells, stored } from './support.ts';

const NAMES: Readonly<Record<string, string>> = {
  Namespace: 'Name Status Age',
  Node: 'Name Status Roles Age Version | Internal-IP External-IP OS-Image Kernel-Version Container-Runtime Temperature',
  Pod: 'Name Ready Status Restarts Age | IP Node Nominated Node Readiness Gates',
  ConfigMap: 'Name Data Age',
  Secret: 'Name Type Data Age',
  ServiceAccount: 'Name Secrets Age',
  Service: 'Name Type Cluster-IP External-IP Port(s) Age | Selector',
  Event: 'Last Seen Type Reason Object Message | Subobject Source First Seen Count Name',
  Lease: 'Name Holder Age',
  Deployment: 'Name Ready Up-to-date Available Age | Containers Images Selector',
  ReplicaSet: 'Name Desired Current Ready Age | Containers Images Selector',
  CertificateSigningRequest: 'Name Age SignerName Requestor RequestedDuration Condition',
};

for (const [kind, names] of Object.entries(NAMES)) {
  test(`${kind} has its columns`, () => {
    const columns = ALL_KINDS.find((each) => each.kind === kind)?.columns ?? [];
    const wide = columns.filter(({ priority }) => priority === 1).map(({ name }) => name);
    const shown = columns.filter(({ priority }) => priority !== 1).map(({ name }) => name);
    assert.equal([shown.join(' '), ...(wide.length > 0 ? [wide.join(' ')] : [])].join(' | '), names);
  });
}

test('a node says how it is and how hot it is', () => {
  const node = stored(NodeKind, {
    metadata: {
      name: 'pi-1',
      labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'sensor', 'node-role.kubernetes.io/': '' },
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: 'Ready', status: 'Unknown' }],
      addresses: [{ type: 'InternalIP', address: '192.168.1.7' }],
      nodeInfo: { kubeletVersion: 'v1.35.0+bramble', osImage: 'Raspberry Pi OS' },
    },
  });
  const temperatureCelsius = (name: string): number | undefined => (name === 'pi-1' ? 61.25 : undefined);
  assert.deepEqual(cells(NodeKind, node, { temperatureCelsius }), {
    Name: 'pi-1',
    Status: 'NotReady,SchedulingDisabled',
    Roles: 'sensor,worker',
    Age: '120m',
    Version: 'v1.35.0+bramble',
    'Internal-IP': '192.168.1.7',
    'External-IP': '<none>',
    'OS-Image': 'Raspberry Pi OS',
    'Kernel-Version': '<unknown>',
    'Container-Runtime': '<unknown>',
    Temperature: '61.3°C',
  });
  const fresh = cells(NodeKind, stored(NodeKind, { metadata: { name: 'pi-2' } }));
  assert.deepEqual([fresh['Status'], fresh['Roles'], fresh['Temperature']], ['Unknown', '<none>', '<unknown>']);
});

const template = {
  metadata: { labels: { tier: 'front', app: 'web' } },
  spec: {
    containers: [
      { name: 'web', image: 'nginx:1' },
      { name: 'log', image: 'busybox:1' },
    ],
  },
};

test('a deployment counts its pods', () => {
  const deployment = stored(DeploymentKind, {
    metadata: {},
    spec: { replicas: 3, selector: { matchLabels: { tier: 'front', app: 'web' } }, template },
    status: { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
  });
  assert.deepEqual(cells(DeploymentKind, deployment), {
    Name: 'web',
    Ready: '2/3',
    'Up-to-date': 1,
    Available: 2,
    Age: '120m',
    Containers: 'web,log',
    Images: 'nginx:1,busybox:1',
    Selector: 'app=web,tier=front',
  });
});

test('a replica set counts its pods', () => {
  const set = stored(ReplicaSetKind, {
    metadata: {},
    spec: { selector: { matchLabels: { app: 'web' } }, template },
    status: { replicas: 1 },
  });
  const { Desired, Current, Ready, Selector } = cells(ReplicaSetKind, set);
  assert.deepEqual([Desired, Current, Ready, Selector], [1, 1, 0, 'app=web']);
  assert.equal(ReplicaSetKind.selectableFields['status.replicas']?.(set), '1');
});

test('a service says where it can be reached', () => {
  const ports = [
    { name: 'http', port: 80, nodePort: 30_080 },
    { name: 'dns', port: 53, protocol: 'UDP' as const },
  ];
  const balanced = stored(ServiceKind, {
    metadata: {},
    spec: { type: 'LoadBalancer', ports, clusterIP: '10.43.0.9', selector: { b: '2', a: '1' } },
  });
  assert.deepEqual(cells(ServiceKind, balanced), {
    Name: 'web',
    Type: 'LoadBalancer',
    'Cluster-IP': '10.43.0.9',
    'External-IP': '<pending>',
    'Port(s)': '80:30080/TCP,53/UDP',
    Age: '120m',
    Selector: 'a=1,b=2',
  });
  balanced.status.loadBalancer.ingress = [{ ip: '192.168.1.9' }, { hostname: 'pi.local' }];
  assert.equal(cells(ServiceKind, balanced)['External-IP'], '192.168.1.9,pi.local');
  const named = stored(ServiceKind, { metadata: {}, spec: { type: 'ExternalName', externalName: 'db.example' } });
  const { 'External-IP': external, 'Cluster-IP': inside, 'Port(s)': none } = cells(ServiceKind, named);
  assert.deepEqual([external, inside, none], ['db.example', '<none>', '<none>']);
});

test('an event says when it happened, in old and in new words', () => {
  const base = { metadata: { name: 'web.1' }, reason: 'Pulled', message: ' pulled \n', type: 'Normal' };
  const involvedObject = { kind: 'Pod', name: 'web', namespace: 'default', fieldPath: 'spec.containers{web}' };
  const old = stored(EventKind, {
    ...base,
    involvedObject,
    source: { component: 'kubelet', host: 'pi-1' },
    firstTimestamp: '2026-11-22T11:00:00Z',
    lastTimestamp: '2026-11-22T11:59:30Z',
    count: 4,
  });
  assert.deepEqual(cells(EventKind, old), {
    'Last Seen': '30s',
    Type: 'Normal',
    Reason: 'Pulled',
    Object: 'pod/web',
    Subobject: 'spec.containers{web}',
    Source: 'kubelet, pi-1',
    Message: 'pulled',
    'First Seen': '60m',
    Count: 4,
    Name: 'web.1',
  });
  const single = stored(EventKind, {
    ...base,
    involvedObject,
    eventTime: '2026-11-22T11:59:00.000000Z',
    reportingComponent: 'scheduler',
  });
  const shown = cells(EventKind, single);
  assert.deepEqual(
    [shown['Last Seen'], shown['First Seen'], shown['Count'], shown['Source']],
    ['60s', '60s', 1, 'scheduler'],
  );
  assert.equal(EventKind.selectableFields['source']?.(single), 'scheduler');
});

test('small kinds show what matters', () => {
  const secret = stored(SecretKind, { metadata: {}, stringData: { a: '1', b: '2' } });
  assert.deepEqual(cells(SecretKind, secret), { Name: 'web', Type: 'Opaque', Data: 2, Age: '120m' });
  const account = stored(ServiceAccountKind, { metadata: {} });
  assert.equal(cells(ServiceAccountKind, account)['Secrets'], 0);
  const lease = stored(LeaseKind, { metadata: {}, spec: { holderIdentity: 'pi-1' } });
  assert.equal(cells(LeaseKind, lease)['Holder'], 'pi-1');
  const namespace = stored(NamespaceKind, { metadata: {}, status: { phase: 'Terminating' } });
  assert.equal(cells(NamespaceKind, namespace)['Status'], 'Terminating');
});

test('a signing request shows the decision', () => {
  const pem = '-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n';
  const request = stored(CertificateSigningRequestKind, {
    metadata: {},
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth'],
      username: 'system:bootstrap:abcdef',
      expirationSeconds: 86_400,
    },
  });
  const shown = cells(CertificateSigningRequestKind, request);
  assert.deepEqual([shown['Requestor'], shown['RequestedDuration']], ['system:bootstrap:abcdef', '24h']);
  assert.equal(shown['Condition'], 'Pending');
  request.status = { conditions: [{ type: 'Approved', status: 'True' }], certificate: 'AA==' };
  assert.equal(cells(CertificateSigningRequestKind, request)['Condition'], 'Approved,Issued');
});
