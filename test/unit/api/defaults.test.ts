/** What the server fills in, so that readers and kubectl find it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertificateSigningRequestKind } from '../../../shared/api/certificate-signing-request.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { LeaseKind } from '../../../shared/api/lease.ts';
import { NamespaceKind } from '../../../shared/api/namespace.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { computeQosClass, pullPolicyFor } from '../../../shared/api/pod-defaults.ts';
import type { ResourceRequirements } from '../../../shared/api/resources.ts';
import { SecretKind } from '../../../shared/api/secret.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
import { admit, stored } from './support.ts';

test('a pod of one image gets everything else', () => {
  const { spec, status } = stored(PodKind, { metadata: {}, spec: { containers: [{ name: 'web', image: 'nginx' }] } });
  assert.deepEqual(spec, {
    containers: [
      {
        name: 'web',
        image: 'nginx',
        imagePullPolicy: 'Always',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  });
  assert.deepEqual(status, { phase: 'Pending', qosClass: 'BestEffort' });
});

test('defaults reach into probes, ports, volumes and references', () => {
  const { spec } = stored(PodKind, {
    metadata: {},
    spec: {
      hostNetwork: true,
      serviceAccountName: 'robot',
      containers: [
        {
          name: 'web',
          image: 'nginx:1.29',
          ports: [{ containerPort: 80 }],
          livenessProbe: { httpGet: { port: 80 } },
          resources: { limits: { cpu: '0.5', memory: '1Gi' }, requests: { cpu: '0.25' } },
          env: [
            { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
            { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
          volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }],
        },
      ],
      volumes: [
        { name: 'scratch' },
        { name: 'config', configMap: { name: 'c' } },
        { name: 'dev', hostPath: { path: '/dev/ttyUSB0' } },
        { name: 'model', image: { reference: 'models/small' } },
      ],
    },
  });
  const [container] = spec.containers;
  assert.equal(spec.serviceAccount, 'robot');
  assert.equal(container?.imagePullPolicy, 'IfNotPresent');
  assert.deepEqual(container?.ports, [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
  assert.deepEqual(container?.livenessProbe, {
    httpGet: { port: 80, path: '/', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(container?.resources.requests, { cpu: '250m', memory: '1Gi' });
  assert.equal(container?.env?.[0]?.valueFrom?.fieldRef?.apiVersion, 'v1');
  assert.equal(container?.env?.[1]?.valueFrom?.resourceFieldRef?.divisor, '0');
  assert.deepEqual(spec.volumes, [
    { name: 'scratch', emptyDir: {} },
    { name: 'config', configMap: { name: 'c', defaultMode: 420 } },
    { name: 'dev', hostPath: { path: '/dev/ttyUSB0', type: '' } },
    { name: 'model', image: { reference: 'models/small', pullPolicy: 'Always' } },
  ]);
});

const images: [image: string | undefined, policy: string][] = [
  ['nginx', 'Always'],
  ['nginx:latest', 'Always'],
  ['nginx:1.29', 'IfNotPresent'],
  ['registry.local:5000/nginx', 'Always'],
  ['registry.local:5000/nginx:1', 'IfNotPresent'],
  [`nginx@sha256:${'a'.repeat(64)}`, 'IfNotPresent'],
  [`nginx:latest@sha256:${'a'.repeat(64)}`, 'Always'],
  [undefined, 'Always'],
];

for (const [image, policy] of images) {
  test(`the pull policy of ${image} is ${policy}`, () => assert.equal(pullPolicyFor(image), policy));
}

const both = { cpu: '100m', memory: '64Mi' };
const qosClasses: [resources: ResourceRequirements[], qosClass: string][] = [
  [[{}], 'BestEffort'],
  [[{}, {}], 'BestEffort'],
  [[{ requests: both, limits: both }], 'Guaranteed'],
  [[{ requests: { cpu: '0.1', memory: '65536Ki' }, limits: both }], 'Guaranteed'],
  [[{ requests: both, limits: both }, {}], 'Burstable'],
  [[{ requests: { cpu: '50m', memory: '64Mi' }, limits: both }], 'Burstable'],
  [[{ requests: { cpu: '100m' } }], 'Burstable'],
  [[{ limits: { 'bramble.dev/usb': '1' } }], 'BestEffort'],
];

for (const [resources, qosClass] of qosClasses) {
  test(`a pod with ${JSON.stringify(resources)} is ${qosClass}`, () => {
    const containers = resources.map((each, index) => ({ name: `c${index}`, image: 'a:1', resources: each }));
    const { object } = admit(PodKind, { metadata: {}, spec: { containers } });
    object.spec.containers.forEach((container, index) => {
      container.resources = resources[index] ?? {};
    });
    assert.equal(computeQosClass(object.spec), qosClass);
  });
}

test('a deployment rolls over by quarters', () => {
  const labels = { app: 'web' };
  const { spec } = stored(DeploymentKind, {
    metadata: {},
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } },
    },
  });
  assert.equal(spec.replicas, 1);
  assert.equal(spec.revisionHistoryLimit, 10);
  assert.equal(spec.progressDeadlineSeconds, 600);
  assert.deepEqual(spec.strategy, {
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
  });
  assert.equal(spec.template.spec.containers[0]?.imagePullPolicy, 'IfNotPresent');
  assert.equal(spec.template.spec.enableServiceLinks, undefined, 'only pods get it');
});

test('a deployment that replaces all at once has no speed', () => {
  const { object } = admit(DeploymentKind, { metadata: {}, spec: { strategy: { type: 'Recreate' } } });
  assert.deepEqual(object.spec.strategy, { type: 'Recreate' });
});

test('a service listens where its pods do', () => {
  const { spec, status } = stored(ServiceKind, {
    metadata: {},
    spec: { ports: [{ port: 80 }], sessionAffinity: 'ClientIP', type: 'NodePort' },
  });
  assert.deepEqual(spec, {
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    type: 'NodePort',
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
  });
  assert.deepEqual(status, { loadBalancer: {} });
});

test('a service that stands for a domain has no address', () => {
  const { spec } = stored(ServiceKind, { metadata: {}, spec: { type: 'ExternalName', externalName: 'db.example' } });
  assert.deepEqual(spec, { type: 'ExternalName', externalName: 'db.example', sessionAffinity: 'None' });
});

test('clusterIP and clusterIPs say the same', () => {
  const ports = [{ port: 80 }];
  assert.deepEqual(stored(ServiceKind, { metadata: {}, spec: { ports, clusterIP: 'None' } }).spec.clusterIPs, ['None']);
  const { spec } = stored(ServiceKind, { metadata: {}, spec: { ports, clusterIPs: ['10.43.0.9'] } });
  assert.equal(spec.clusterIP, '10.43.0.9');
});

test('plain text of a secret moves into its data', () => {
  const secret = stored(SecretKind, {
    metadata: {},
    data: { user: 'cm9vdA==', password: 'eA==' },
    stringData: { password: 'grüße' },
  });
  assert.deepEqual(secret.data, { user: 'cm9vdA==', password: Buffer.from('grüße').toString('base64') });
  assert.equal(secret.type, 'Opaque');
  assert.ok(!('stringData' in secret));
});

test('a namespace can be selected by its name and is kept until it is empty', () => {
  const namespace = stored(NamespaceKind, { metadata: { name: 'shop' } });
  assert.deepEqual(namespace.metadata.labels, { 'kubernetes.io/metadata.name': 'shop' });
  assert.deepEqual(namespace.spec, { finalizers: ['kubernetes'] });
  assert.equal(namespace.status.phase, 'Active');
  const leaving = stored(NamespaceKind, { metadata: { name: 'shop', deletionTimestamp: '2026-11-22T11:00:00Z' } });
  assert.equal(leaving.spec.finalizers, undefined);
});

test('a node offers what it has', () => {
  const { status } = stored(NodeKind, { metadata: { name: 'pi-1' }, status: { capacity: { cpu: '4' } } });
  assert.deepEqual(status.allocatable, { cpu: '4' });
  assert.equal(status.nodeInfo.kubeletVersion, '');
  assert.deepEqual(status.daemonEndpoints, { kubeletEndpoint: { Port: 0 } });
});

test('leases of nodes live in memory, others on disk', () => {
  assert.equal(LeaseKind.durability?.('kube-node-lease'), 'memory');
  assert.equal(LeaseKind.durability?.('kube-system'), 'disk');
});

test('a signing request can be approved apart from its status', () => {
  assert.deepEqual(CertificateSigningRequestKind.subresources, { status: true, approval: true });
});

test('filling in twice is filling in once', () => {
  const draft = {
    metadata: {},
    spec: { containers: [{ name: 'web', image: 'nginx', ports: [{ containerPort: 80 }] }] },
  };
  const once = stored(PodKind, draft);
  assert.deepEqual(stored(PodKind, structuredClone(once)), once);
});
