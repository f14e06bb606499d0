/** From a pod's specification to what the runtime is asked: environment, amounts, rights, mounts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConfigReader } from '../../../../node-agent/kubelet/spec/config-reader.ts';
import { configReferences } from '../../../../node-agent/kubelet/spec/config-references.ts';
import {
  type ContainerConfigInput,
  renderContainerConfig,
} from '../../../../node-agent/kubelet/spec/container-config.ts';
import { subPathOf } from '../../../../node-agent/kubelet/spec/container-mounts.ts';
import { computeContainerResources } from '../../../../node-agent/kubelet/spec/container-resources.ts';
import { computeContainerSecurity } from '../../../../node-agent/kubelet/spec/container-security.ts';
import { readField, readResource } from '../../../../node-agent/kubelet/spec/downward.ts';
import { resolveEnv } from '../../../../node-agent/kubelet/spec/env.ts';
import { expand } from '../../../../node-agent/kubelet/spec/expand.ts';
import { computeQosClass } from '../../../../node-agent/kubelet/spec/qos.ts';
import { renderSandboxConfig } from '../../../../node-agent/kubelet/spec/sandbox-config.ts';
import type { Container } from '../../../../shared/api/container.ts';
import { container, pod } from './builders.ts';

const META = { resourceVersion: '1', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', namespace: 'default' };
const FACTS = { hostIp: '192.0.2.10', podIp: '10.0.0.5', allocatable: { cpu: '4', memory: '3Gi' } };

const READER: ConfigReader = {
  configMap: (_namespace, name) =>
    name === 'late'
      ? { state: 'unknown' }
      : name === 'conf'
        ? {
            state: 'present',
            object: {
              ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...META, name } },
              data: { color: 'blue', 'bad=name': 'x' },
              binaryData: { raw: Buffer.from('bytes').toString('base64') },
            },
          }
        : { state: 'absent' },
  secret: (_namespace, name) =>
    name === 'keys'
      ? {
          state: 'present',
          object: {
            ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: { ...META, name } },
            data: { password: Buffer.from('s3cret').toString('base64') },
          },
        }
      : { state: 'absent' },
};

describe('expand', () => {
  const variables = new Map([
    ['A', '1'],
    ['B', '$(A)'],
  ]);
  const cases: [string, string][] = [
    ['plain', 'plain'],
    ['$(A)', '1'],
    ['x$(A)y$(A)z', 'x1y1z'],
    ['$(B)', '$(A)'],
    ['$(MISSING)', '$(MISSING)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$A $', '$A $'],
    ['$(A', '$(A'],
    ['$()', '$()'],
  ];
  for (const [text, expected] of cases)
    it(`${text} is ${expected}`, () => assert.equal(expand(text, variables), expected));
});

describe('resolveEnv', () => {
  const env = (over: Partial<Container>): Record<string, string> => {
    const subject = container('main', over);
    return Object.fromEntries(
      resolveEnv({ pod: pod({ spec: { containers: [subject] } }), container: subject, facts: FACTS, reader: READER }),
    );
  };
  it('takes values, and earlier variables in them', () => {
    assert.deepEqual(env({ env: [{ name: 'A', value: '1' }, { name: 'B', value: '$(A)2$(C)' }, { name: 'C' }] }), {
      A: '1',
      B: '12$(C)',
      C: '',
    });
  });
  it('takes fields, amounts and keys', () => {
    const all = env({
      resources: { limits: { cpu: '1500m' } },
      env: [
        { name: 'NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
        { name: 'IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '0' } } },
        { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'conf', key: 'color' } } },
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
        { name: 'MAYBE', valueFrom: { secretKeyRef: { name: 'keys', key: 'absent', optional: true } } },
      ],
    });
    assert.deepEqual(all, { NAME: 'web', IP: '10.0.0.5', CPU: '2', COLOR: 'blue', PASSWORD: 's3cret' });
  });
  it('takes whole objects, with a prefix, without impossible names; env wins', () => {
    const all = env({
      envFrom: [
        { prefix: 'X_', configMapRef: { name: 'conf' } },
        { secretRef: { name: 'keys' } },
        { configMapRef: { name: 'absent', optional: true } },
      ],
      env: [{ name: 'password', value: 'mine $(X_color)' }],
    });
    assert.deepEqual(all, { X_color: 'blue', X_raw: 'bytes', password: 'mine blue' });
  });
  const missing: [string, Partial<Container>, RegExp][] = [
    ['an object', { envFrom: [{ configMapRef: { name: 'absent' } }] }, /configmap "absent" not found$/],
    [
      'a key',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'keys', key: 'no' } } }] },
      /couldn't find key no in Secret default\/keys/,
    ],
    [
      'a field',
      { env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.x' } } }] },
      /unsupported fieldPath/,
    ],
  ];
  for (const [what, over, message] of missing)
    it(`says that ${what} is missing`, () => assert.throws(() => env(over), message));
  it('tells an object that is still being read from a missing one', () => {
    assert.throws(() => env({ envFrom: [{ configMapRef: { name: 'late' } }] }), { isPending: true });
  });
});

describe('downward API', () => {
  const subject = pod({
    metadata: { labels: { app: 'web', 'a/b': 'c"d' }, annotations: { note: 'x' } },
    spec: {
      serviceAccountName: 'robot',
      containers: [container('main', { resources: { requests: { memory: '64Mi' } } })],
    },
  });
  const fields: [string, string][] = [
    ["metadata.labels['a/b']", 'c"d'],
    ["metadata.annotations['none']", ''],
    ['metadata.labels', 'a/b="c\\"d"\napp="web"'],
    ['spec.nodeName', 'pi-1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.hostIP', '192.0.2.10'],
    ['metadata.uid', 'uid-1'],
  ];
  for (const [fieldPath, value] of fields) {
    it(fieldPath, () => assert.equal(readField(subject, { apiVersion: 'v1', fieldPath }, FACTS), value));
  }
  const amounts: [string, string, string][] = [
    ['requests.memory', '1Mi', '64'],
    ['requests.memory', '0', '67108864'],
    ['requests.cpu', '1m', '0'],
    ['limits.memory', '1Gi', '3'],
    ['limits.cpu', '1', '4'],
  ];
  for (const [resource, divisor, value] of amounts) {
    it(`${resource} by ${divisor}`, () => {
      assert.equal(readResource(subject, { resource, divisor, containerName: 'main' }, undefined, FACTS), value);
    });
  }
});

describe('resources', () => {
  const amounts = (requests: Record<string, string>, limits: Record<string, string>) =>
    computeContainerResources(
      { resources: { requests, limits } },
      { podResources: undefined, qosClass: 'Burstable', nodeMemoryBytes: 4 * 1024 ** 3 },
    );
  it('become shares, quota and bytes', () => {
    assert.deepEqual(amounts({ cpu: '250m', memory: '1Gi' }, { cpu: '500m', memory: '2Gi' }), {
      ...{ cpuShares: 256, cpuLimitMillis: 500, memoryLimitBytes: 2 * 1024 ** 3, oomScoreAdj: 750 },
    });
  });
  it('are the least where nothing is asked for', () => {
    assert.deepEqual(amounts({}, {}), { cpuShares: 2, cpuLimitMillis: 0, memoryLimitBytes: 0, oomScoreAdj: 999 });
  });
  it('take a limit for a request', () => assert.equal(amounts({}, { cpu: '1' }).cpuShares, 1024));
  const both = { cpu: '1', memory: '1Gi' };
  const classes: [string, Container['resources'], string][] = [
    ['nothing', {}, 'BestEffort'],
    ['zeros', { requests: { cpu: '0' } }, 'BestEffort'],
    ['limits for both', { limits: both }, 'Guaranteed'],
    ['equal amounts written differently', { limits: both, requests: { cpu: '1000m', memory: '1024Mi' } }, 'Guaranteed'],
    ['less requested', { limits: both, requests: { cpu: '500m' } }, 'Burstable'],
    ['one limit', { limits: { cpu: '1' } }, 'Burstable'],
  ];
  for (const [what, resources, expected] of classes) {
    it(`${what}: ${expected}`, () => {
      assert.equal(computeQosClass({ containers: [container('main', { resources })] }), expected);
    });
  }
});

describe('security', () => {
  const rights = (securityContext: Container['securityContext'], podSecurity = {}, imageUser = '') =>
    computeContainerSecurity({ container: { securityContext }, podSecurity, imageUser, localhostProfile: undefined });
  it('takes the container before the pod', () => {
    assert.equal(rights({ runAsUser: 5 }, { runAsUser: 1, runAsGroup: 2 }).user, '5:2');
    assert.equal(rights({}, { runAsUser: 1 }).user, '1');
    assert.equal(rights({}).user, undefined);
  });
  it('adds fsGroup to the groups', () => {
    assert.deepEqual(rights({}, { supplementalGroups: [10], fsGroup: 20 }).supplementalGroups, [10, 20]);
  });
  it('refuses root where it is forbidden', () => {
    assert.throws(() => rights({ runAsNonRoot: true }), /image will run as root/);
    assert.throws(() => rights({ runAsNonRoot: true, runAsUser: 0 }), /breaks non-root policy/);
    assert.throws(() => rights({ runAsNonRoot: true }, {}, 'nginx'), /non-numeric user \(nginx\)/);
    assert.equal(rights({ runAsNonRoot: true }, {}, '1000').user, undefined);
  });
  it('uses the default profile unless told otherwise', () => {
    assert.equal(rights({}).seccompProfile, undefined);
    assert.equal(rights({ seccompProfile: { type: 'Unconfined' } }).seccompProfile, 'unconfined');
  });
});

describe('container configuration', () => {
  const input = (over: Partial<Container>, rest: Partial<ContainerConfigInput> = {}): ContainerConfigInput => {
    const subject = container('main', over);
    return {
      pod: pod({ spec: { containers: [subject] } }),
      container: subject,
      attempt: 2,
      annotations: {},
      facts: FACTS,
      reader: READER,
      mountSource: ({ name }) => `/pods/${name}`,
      terminationLog: undefined,
      imageUser: '',
      nodeMemoryBytes: 0,
      ...rest,
    };
  };
  it('expands command and arguments', () => {
    const env = [{ name: 'A', value: '1' }];
    const config = renderContainerConfig(input({ env, command: ['run', '$(A)'], args: ['$(B)'] }));
    assert.deepEqual([config.command, config.args], [['run', '1'], ['$(B)']]);
  });
  it('mounts volumes with their propagation, and the termination message', () => {
    const volumeMounts = [
      { name: 'data', mountPath: '/data', readOnly: true },
      { name: 'part', mountPath: '/part', mountPropagation: 'HostToContainer' as const },
    ];
    const config = renderContainerConfig(input({ volumeMounts }, { terminationLog: '/pods/log' }));
    const plain = { readOnly: false, recursiveReadOnly: false, propagation: 'private' };
    assert.deepEqual(config.mounts, [
      { ...plain, hostPath: '/pods/data', containerPath: '/data', readOnly: true },
      { ...plain, hostPath: '/pods/part', containerPath: '/part', propagation: 'rslave' },
      { ...plain, hostPath: '/pods/log', containerPath: '/dev/termination-log' },
    ]);
  });
  it('finds the part of a volume by its variables, and never one outside', () => {
    const env = new Map([['A', 'part']]);
    const part = (subPathExpr: string): string => subPathOf({ name: 'data', mountPath: '/x', subPathExpr }, env);
    assert.equal(part('$(A)/x'), 'part/x');
    assert.equal(part('$$(A)'), '$(A)');
    assert.throws(() => part('../up'), /must stay inside/);
    assert.throws(() => part('/etc'), /must stay inside/);
    assert.throws(() => part('$(B)/x'), /missing value for "B"/);
  });
  it('writes down what amounts were asked for', () => {
    const resources = { requests: { cpu: '1' }, limits: { cpu: '2', memory: '1Ki' } };
    const { annotations } = renderContainerConfig(input({ resources }));
    assert.equal(annotations['bramble.dev/amounts'], '1024/2000/1024');
  });
  it('has a hash of what cannot change while it runs', () => {
    const hash = (over: Partial<Container>): string => renderContainerConfig(input(over)).hash;
    assert.equal(hash({ env: [] }), hash({ env: [{ name: 'A', value: '1' }] }));
    assert.notEqual(hash({ image: 'a:1' }), hash({ image: 'a:2' }));
  });
});

describe('sandbox configuration', () => {
  const NODE = {
    ...{ annotations: {}, nodeResolver: '', nodeHosts: '' },
    clusterDns: { servers: [], domain: 'cluster.local' },
  };
  it('takes host ports, names and the resolver', () => {
    const subject = pod({
      spec: {
        hostname: 'board',
        containers: [
          container('main', {
            ports: [
              { containerPort: 80, hostPort: 8080, protocol: 'TCP' },
              { containerPort: 81, protocol: 'TCP' },
            ],
          }),
        ],
        dnsConfig: { nameservers: ['192.0.2.53'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] },
        hostAliases: [{ ip: '192.0.2.1', hostnames: ['nas'] }],
      },
    });
    const config = renderSandboxConfig({ ...NODE, pod: subject, attempt: 1 });
    assert.deepEqual(config.ports, [{ containerPort: 80, hostPort: 8080, hostIp: '', protocol: 'TCP' }]);
    assert.deepEqual([config.hostname, config.attempt], ['board', 1]);
    assert.deepEqual(config.dns, { servers: ['192.0.2.53'], searches: ['.'], options: ['ndots:2', 'edns0'] });
  });
  it('is solitary with one container whose profiles are not of the owner', () => {
    const solitary = (spec: NonNullable<Parameters<typeof pod>[0]>['spec']) =>
      renderSandboxConfig({ ...NODE, pod: pod({ spec }), attempt: 0 }).isSolitary;
    const main = container('main');
    const own = { type: 'Localhost', localhostProfile: 'own.json' } as const;
    assert.equal(solitary({ containers: [main] }), true);
    assert.equal(
      solitary({
        containers: [container('main', { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } })],
      }),
      true,
    );
    assert.equal(solitary({ containers: [main, container('other')] }), false);
    assert.equal(solitary({ containers: [main], initContainers: [container('init')] }), false);
    assert.equal(solitary({ containers: [main], shareProcessNamespace: true }), false);
    assert.equal(solitary({ containers: [main], securityContext: { seccompProfile: own } }), false);
    assert.equal(solitary({ containers: [container('main', { securityContext: { appArmorProfile: own } })] }), false);
  });
  it('cuts long names where a name may end', () => {
    const name = `${'a'.repeat(62)}-${'b'.repeat(20)}`;
    const config = renderSandboxConfig({ ...NODE, pod: pod({ metadata: { name } }), attempt: 0 });
    assert.equal(config.hostname, 'a'.repeat(62));
  });
});

describe('configReferences', () => {
  it('finds every name once', () => {
    const subject = pod({
      spec: {
        containers: [
          container('main', {
            envFrom: [{ configMapRef: { name: 'a' } }, { secretRef: { name: 'b' } }],
            env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'a', key: 'k' } } }],
          }),
        ],
        volumes: [
          { name: 'v1', secret: { secretName: 'c', defaultMode: 0o644 } },
          {
            name: 'v2',
            projected: { defaultMode: 0o644, sources: [{ configMap: { name: 'd' } }, { secret: { name: 'b' } }] },
          },
          { name: 'v3', emptyDir: {} },
        ],
      },
    });
    assert.deepEqual(
      configReferences(subject).map(({ kind, name }) => `${kind} ${name}`),
      ['ConfigMap a', 'Secret b', 'Secret c', 'ConfigMap d'],
    );
  });
});
