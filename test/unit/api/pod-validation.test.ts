/** What is refused in a pod beyond its schema, with the words that the user reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { admit, stored } from './support.ts';

type Spec = NonNullable<Draft<Pod>['spec']>;
type ContainerDraft = NonNullable<Spec['containers']>[number];

const web: ContainerDraft = { name: 'web', image: 'nginx:1' };

function complaintsOf(spec: Spec): string[] {
  return admit(PodKind, { metadata: {}, spec }).complaints;
}

/** One container with `fields`, and the complaints about it with the container's path cut off. */
function containerComplaints(fields: ContainerDraft, spec: Spec = {}): string[] {
  return complaintsOf({ ...spec, containers: [{ ...web, ...fields }] }).map((line) =>
    line.replace('spec.containers[0].', ''),
  );
}

test('a pod needs containers', () => {
  assert.deepEqual(complaintsOf({}), ['spec.containers: Required value']);
  assert.deepEqual(complaintsOf({ containers: [] }), ['spec.containers: Required value']);
});

test('containers have unique names that are DNS labels, and an image', () => {
  assert.deepEqual(complaintsOf({ containers: [{}] }), [
    'spec.containers[0].name: Required value',
    'spec.containers[0].image: Required value',
  ]);
  assert.deepEqual(complaintsOf({ containers: [{ name: '', image: '' }] }), [
    'spec.containers[0].name: Required value',
    'spec.containers[0].image: Required value',
  ]);
  assert.deepEqual(complaintsOf({ containers: [web], initContainers: [web] }), [
    'spec.containers[0].name: Duplicate value: "web"',
  ]);
  const [wrong] = containerComplaints({ name: 'Web_1' });
  assert.match(wrong ?? '', /^name: Invalid value: "Web_1": must be made of lower-case letters/);
  assert.deepEqual(containerComplaints({ image: ' nginx' }), [
    'image: Invalid value: " nginx": must not have leading or trailing whitespace',
  ]);
});

test('ports exist and can be told apart', () => {
  const ports = [{ containerPort: 0 }, { containerPort: 80, hostPort: 70_000 }, { containerPort: 81, name: 'a' }];
  assert.deepEqual(containerComplaints({ ports: [...ports, { containerPort: 82, name: 'a' }] }), [
    'ports[0].containerPort: Invalid value: 0: must be between 1 and 65535, inclusive',
    'ports[1].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    'ports[3].name: Duplicate value: "a"',
  ]);
  assert.deepEqual(containerComplaints({ ports: [{ containerPort: 80, hostPort: 81 }] }, { hostNetwork: true }), [
    'ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
  ]);
  const sharing = { ports: [{ containerPort: 80, hostPort: 8080 }] };
  assert.deepEqual(
    complaintsOf({
      containers: [
        { ...web, ...sharing },
        { name: 'b', image: 'b', ...sharing },
      ],
    }),
    ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//8080"'],
  );
});

test('mounts name volumes of the pod, each at a place of its own', () => {
  const volumeMounts = [
    { name: 'data', mountPath: '/data' },
    { name: 'dat', mountPath: '/data' },
    { name: 'data', mountPath: '/more', subPath: '../etc' },
  ];
  assert.deepEqual(containerComplaints({ volumeMounts }, { volumes: [{ name: 'data' }] }), [
    'volumeMounts[1].name: Not found: "dat"',
    'volumeMounts[1].mountPath: Invalid value: "/data": must be unique',
    `volumeMounts[2].subPath: Invalid value: "../etc": must not contain '..'`,
  ]);
});

test('volumes have one source, with what it needs', () => {
  const volumes = [
    { name: 'a', emptyDir: {}, hostPath: { path: '/a' } },
    { name: 'a', configMap: {} },
    { name: 'b', secret: { secretName: 's', defaultMode: 0o7777, items: [{ key: 'k', path: '../p' }] } },
    { name: 'c', emptyDir: { sizeLimit: '-1Gi' } },
    { name: 'd', projected: { sources: [{}] } },
    { name: 'e', hostPath: { path: '/var/../etc' } },
  ];
  assert.deepEqual(complaintsOf({ containers: [web], volumes }), [
    'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    'spec.volumes[1].configMap.name: Required value',
    'spec.volumes[2].secret.defaultMode: Invalid value: 4095: must be between 0 and 511, inclusive',
    `spec.volumes[2].secret.items[0].path: Invalid value: "../p": must not start with '..'`,
    'spec.volumes[3].emptyDir.sizeLimit: Invalid value: "-1Gi": must be greater than or equal to 0',
    'spec.volumes[4].projected.sources[0]: Required value: one of the sources must be specified',
    `spec.volumes[5].hostPath.path: Invalid value: "/var/../etc": must not contain '..'`,
    'spec.volumes[1].name: Duplicate value: "a"',
  ]);
});

test('environment variables have a name and one source', () => {
  const env = [
    { name: '', value: '1' },
    { name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'B', valueFrom: {} },
    { name: 'C', valueFrom: { fieldRef: { fieldPath: 'spec.containers' } } },
    { name: 'D', valueFrom: { secretKeyRef: { name: 's', key: 'a/b' } } },
    { name: 'E', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
  ];
  const complaints = containerComplaints({ env, envFrom: [{ prefix: 'X_' }] });
  assert.equal(complaints.length, 6, complaints.join('\n'));
  assert.equal(complaints[0], 'env[0].name: Required value');
  assert.equal(complaints[1], 'env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty');
  assert.match(complaints[2] ?? '', /^env\[2\]\.valueFrom: Invalid value: "": must specify one of: fieldRef/);
  assert.match(complaints[3] ?? '', /^env\[3\].+fieldPath: Unsupported value: "spec.containers": supported values: /);
  assert.match(complaints[4] ?? '', /^env\[4\].+key: Invalid value: "a\/b"/);
  assert.match(complaints[5] ?? '', /^envFrom\[0\]: Invalid value/);
});

test('requests do not exceed limits', () => {
  const resources = { requests: { cpu: '2', memory: '64Mi', gpu: '1' }, limits: { cpu: '1', memory: '-1' } };
  assert.deepEqual(containerComplaints({ resources }), [
    'resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
    'resources.requests.gpu: Invalid value: "gpu": must be a standard resource type or fully qualified',
    'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    'resources.requests: Invalid value: "64Mi": must be less than or equal to memory limit of -1',
  ]);
});

test('probes ask one question', () => {
  const exec = { command: ['true'] };
  assert.deepEqual(
    containerComplaints({
      livenessProbe: { successThreshold: 2, exec },
      readinessProbe: {},
      startupProbe: { exec, tcpSocket: { port: 'no_port' }, periodSeconds: -1 },
    }).map((line) => line.replace(/: must be made of .*/, '')),
    [
      'livenessProbe.successThreshold: Invalid value: 2: must be 1',
      'readinessProbe: Required value: must specify a handler type',
      'startupProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
      'startupProbe.tcpSocket.port: Invalid value: "no_port"',
      'startupProbe.periodSeconds: Invalid value: -1: must be greater than 0',
    ],
  );
});

test('init containers are asked nothing unless they keep running', () => {
  const readinessProbe = { exec: { command: ['true'] } };
  const init = { name: 'init', image: 'i', readinessProbe };
  assert.deepEqual(complaintsOf({ containers: [web], initContainers: [init] }), [
    'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
  ]);
  assert.deepEqual(complaintsOf({ containers: [web], initContainers: [{ ...init, restartPolicy: 'Always' }] }), []);
});

test('where a pod may run is said in full', () => {
  const spec: Spec = {
    containers: [web],
    tolerations: [
      { operator: 'Equal' },
      { key: 'a', effect: 'NoSchedule', tolerationSeconds: 3 },
      { key: 'a', operator: 'Exists', value: 'x' },
    ],
    topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'arch', operator: 'In' }] }],
        },
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }],
      },
    },
  };
  assert.deepEqual(
    complaintsOf(spec).map((line) => line.replace(/^spec\.(.*?): (\w+ ?\w*).*/, '$1: $2')),
    [
      'affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value',
      'affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value',
      'tolerations[0].operator: Invalid value',
      'tolerations[1].effect: Invalid value',
      'tolerations[2].operator: Invalid value',
      'topologySpreadConstraints[0].maxSkew: Invalid value',
    ],
  );
});

test('other fields of the spec keep their bounds', () => {
  assert.deepEqual(
    complaintsOf({
      containers: [web],
      terminationGracePeriodSeconds: -1,
      activeDeadlineSeconds: 0,
      dnsPolicy: 'None',
      hostAliases: [{ ip: '192.168.1.300' }],
      hostPID: true,
      shareProcessNamespace: true,
    }).map((line) => line.replace(/^spec\.(.*?): (\w+ ?\w*).*/, '$1: $2')),
    [
      'dnsConfig: Required value',
      'hostAliases[0].ip: Invalid value',
      'shareProcessNamespace: Invalid value',
      'terminationGracePeriodSeconds: Invalid value',
      'activeDeadlineSeconds: Invalid value',
    ],
  );
  assert.deepEqual(complaintsOf({ containers: [web], ephemeralContainers: [{ name: 'look', image: 'busybox' }] }), [
    'spec.ephemeralContainers: Forbidden: cannot be set on create',
  ]);
});

const before = (): Pod =>
  stored(PodKind, {
    metadata: {},
    spec: {
      containers: [web],
      activeDeadlineSeconds: 60,
      tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
      schedulingGates: [{ name: 'wait' }],
    },
  });

function changeComplaints(change: (spec: Pod['spec']) => void): string[] {
  const pod = before();
  change(pod.spec);
  return (PodKind.validate?.(pod, before()) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

const allowed: [what: string, change: (spec: Pod['spec']) => void][] = [
  ['nothing', () => undefined],
  ['image', ({ containers }) => Object.assign(containers[0] ?? {}, { image: 'nginx:2' })],
  ['a shorter deadline', (spec) => Object.assign(spec, { activeDeadlineSeconds: 30 })],
  ['a further toleration', (spec) => spec.tolerations?.push({ key: 'b', operator: 'Exists' })],
  ['how long a taint is tolerated', (spec) => Object.assign(spec.tolerations?.[0] ?? {}, { tolerationSeconds: 5 })],
  ['an opened gate', (spec) => Object.assign(spec, { schedulingGates: [] })],
];

for (const [what, change] of allowed) {
  test(`a pod may change: ${what}`, () => assert.deepEqual(changeComplaints(change), []));
}

const refused: [what: string, field: string, change: (spec: Pod['spec']) => void][] = [
  ['a command', 'spec', ({ containers }) => Object.assign(containers[0] ?? {}, { command: ['sh'] })],
  [
    'another container',
    'spec',
    ({ containers }) => containers.push(...before().spec.containers.map((each) => ({ ...each, name: 'b' }))),
  ],
  ['the node', 'spec', (spec) => Object.assign(spec, { schedulingGates: [], nodeName: 'pi-1' })],
  ['the host network', 'spec', (spec) => Object.assign(spec, { hostNetwork: true })],
  ['the restart policy', 'spec', (spec) => Object.assign(spec, { restartPolicy: 'Never' })],
  ['a longer deadline', 'spec.activeDeadlineSeconds', (spec) => Object.assign(spec, { activeDeadlineSeconds: 90 })],
  ['no deadline', 'spec.activeDeadlineSeconds', (spec) => Object.assign(spec, { activeDeadlineSeconds: undefined })],
  ['a lost toleration', 'spec.tolerations', (spec) => Object.assign(spec, { tolerations: [] })],
  ['a new gate', 'spec.schedulingGates', (spec) => spec.schedulingGates?.push({ name: 'more' })],
];

for (const [what, field, change] of refused) {
  test(`a pod may not change: ${what}`, () => {
    const complaints = changeComplaints(change);
    assert.equal(complaints.length, 1, complaints.join('\n'));
    assert.match(complaints[0] ?? '', new RegExp(`^${field}: (Forbidden|Invalid value)`));
  });
}

test('a placed pod stays where it is', () => {
  const pod = before();
  Object.assign(pod.spec, { schedulingGates: [], nodeName: 'pi-1' });
  const moved = structuredClone(pod);
  moved.spec.nodeName = 'pi-2';
  assert.equal(PodKind.validate?.(moved, pod)[0]?.field, 'spec');
});

test('a change of status does not judge the spec again', () => {
  const pod = before();
  pod.spec.containers = [];
  const later = structuredClone(pod);
  later.status.phase = 'Running';
  assert.deepEqual(PodKind.validate?.(later, pod), []);
});
