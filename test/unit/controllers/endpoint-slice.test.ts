/** Endpoints of services and the slices that hold them: what is written, and how little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { computeEndpointGroups } from '../../../master/controllers/endpoint-slice/endpoints.ts';
import {
  computeSliceChanges,
  MAX_ENDPOINTS_PER_SLICE,
  type SliceChanges,
} from '../../../master/controllers/endpoint-slice/plan.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type Service, ServiceKind } from '../../../shared/api/service.ts';
import type { ServiceSpec } from '../../../shared/api/service-spec.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { stored } from '../api/support.ts';
import { makeNode, makePod } from '../scheduler/cluster.ts';
import { makeReplica } from './objects.ts';

function makeService(spec: Partial<ServiceSpec> = {}): Service {
  const base = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] };
  return stored(ServiceKind, { metadata: { uid: 'uid of web' }, spec: { ...base, ...spec } });
}

interface BackendOptions {
  ip?: string;
  ready?: boolean;
  going?: boolean;
  node?: string;
  phase?: Pod['status']['phase'];
  spec?: Partial<Pod['spec']>;
  ips?: string[];
}

function backend(name: string, options: BackendOptions = {}): Pod {
  const { ip = '10.42.0.5', ready = true, going = false, node = 'pi-1', phase = 'Running', spec, ips } = options;
  const pod = makeReplica({ name, node, phase, isGoing: going, ...(ready ? { readyAt: 1 } : {}) });
  const podIPs = ips?.map((each) => ({ ip: each }));
  return {
    ...pod,
    spec: { ...pod.spec, ...spec },
    status: { ...pod.status, podIP: ip, ...(podIPs ? { podIPs } : {}) },
  };
}

const none = (): Node | undefined => undefined;

function groupsOf(service: Service, pods: Pod[], nodeOf = none) {
  return computeEndpointGroups({ service, pods, nodeOf });
}

test('an endpoint says who it is, where it is and how it is', () => {
  const zone = makeNode({ name: 'pi-1', labels: { 'topology.kubernetes.io/zone': 'shed' } });
  const [group] = groupsOf(makeService(), [backend('a')], () => zone);
  assert.deepEqual(group, {
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: [
      {
        addresses: ['10.42.0.5'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid of a' },
        nodeName: 'pi-1',
        zone: 'shed',
      },
    ],
  });
});

const CONDITIONS: readonly [what: string, options: BackendOptions, publish: boolean, conditions: string][] = [
  ['ready', {}, false, 'ready serving'],
  ['not ready', { ready: false }, false, ''],
  ['not ready, of a service that publishes all', { ready: false }, true, 'ready'],
  ['on its way out and still answering', { going: true }, false, 'serving terminating'],
  ['on its way out, of a service that publishes all', { going: true }, true, 'ready serving terminating'],
  ['on its way out and silent', { going: true, ready: false }, false, 'terminating'],
];

for (const [what, options, publishNotReadyAddresses, expected] of CONDITIONS) {
  test(`a pod that is ${what}`, () => {
    const [group] = groupsOf(makeService({ publishNotReadyAddresses }), [backend('a', options)]);
    const conditions = defined(group?.endpoints[0], 'endpoint').conditions;
    const holding = Object.entries(conditions).filter(([, holds]) => holds);
    assert.equal(holding.map(([name]) => name).join(' '), expected);
  });
}

test('pods that have ended or have no address are no endpoints', () => {
  const pods = [backend('a', { phase: 'Succeeded' }), backend('b', { phase: 'Failed' }), backend('c', { ip: '' })];
  assert.deepEqual(groupsOf(makeService(), pods), []);
});

test('named ports are looked up in each pod, and pods that differ get slices of their own', () => {
  const containers = (containerPort: number) =>
    makePod().spec.containers.map((one) => ({
      ...one,
      ports: [{ name: 'web', containerPort, protocol: 'TCP' as const }],
    }));
  const service = makeService({ ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 'web' }] });
  const pods = [
    backend('a', { spec: { containers: containers(8080) } }),
    backend('b', { ip: '10.42.0.6', spec: { containers: containers(9090) } }),
    backend('c', { ip: '10.42.0.7' }),
  ];
  const groups = groupsOf(service, pods);
  assert.deepEqual(
    groups.map(({ ports, endpoints }) => [ports[0]?.port, endpoints.length]),
    [
      [8080, 1],
      [9090, 1],
      [undefined, 1],
    ],
  );
});

test('pods of a headless service are known by their names, if they ask for it', () => {
  const service = makeService({ clusterIP: 'None' });
  const pods = [
    backend('a', { spec: { hostname: 'db-0', subdomain: 'web' } }),
    backend('b', { spec: { hostname: 'db-1', subdomain: 'other' } }),
  ];
  const hostnames = groupsOf(service, pods).flatMap(({ endpoints }) => endpoints.map(({ hostname }) => hostname));
  assert.deepEqual(hostnames, ['db-0', undefined]);
});

test('two families make slices of two types', () => {
  const service = makeService({ ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' });
  const groups = groupsOf(service, [backend('a', { ips: ['10.42.0.5', 'fd00::5'] })]);
  assert.deepEqual(
    groups.map(({ addressType, endpoints }) => [addressType, endpoints[0]?.addresses]),
    [
      ['IPv4', ['10.42.0.5']],
      ['IPv6', ['fd00::5']],
    ],
  );
});

function backends(count: number, changes: (index: number) => BackendOptions = () => ({})): Pod[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `pod-${String(index).padStart(4, '0')}`;
    return backend(name, { ip: `10.42.${index >> 8}.${index & 255}`, ...changes(index) });
  });
}

let sliceNumber = 0;

/** What the API server would hold after the changes. */
function apply(slices: readonly EndpointSlice[], { creates, updates, deletes }: SliceChanges): EndpointSlice[] {
  const kept = slices.filter((slice) => !deletes.some(({ metadata }) => metadata.name === slice.metadata.name));
  const next = kept.map((slice) => updates.find(({ metadata }) => metadata.name === slice.metadata.name) ?? slice);
  const made = creates.map((draft): EndpointSlice => {
    sliceNumber += 1;
    return { ...structuredClone(draft), metadata: { ...draft.metadata, name: `web-${sliceNumber}` } } as EndpointSlice;
  });
  return [...next, ...made];
}

function sync(slices: readonly EndpointSlice[], service: Service, pods: Pod[]) {
  const changes = computeSliceChanges({ service, existing: slices, groups: groupsOf(service, pods) });
  return { changes, slices: apply(slices, changes) };
}

function writes({ creates, updates, deletes }: SliceChanges): number[] {
  return [creates.length, updates.length, deletes.length];
}

test('250 pods are three slices; one that stops being ready is one write; nothing new is none', () => {
  const service = makeService();
  const first = sync([], service, backends(250));
  assert.deepEqual(
    first.slices.map(({ endpoints }) => endpoints.length),
    [100, 100, 50],
  );
  assert.deepEqual(writes(sync(first.slices, service, backends(250)).changes), [0, 0, 0]);
  const changed = backends(250, (index) => ({ ready: index !== 120 }));
  assert.deepEqual(writes(sync(first.slices, service, changed).changes), [0, 1, 0]);
});

test('a slice says whose it is, and carries the labels of its service', () => {
  const service = makeService({ clusterIP: 'None' });
  service.metadata.labels = { app: 'web' };
  const [slice] = sync([], service, backends(1)).slices;
  assert.deepEqual(slice?.metadata.labels, {
    app: 'web',
    'service.kubernetes.io/headless': '',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
  assert.deepEqual(slice?.metadata.ownerReferences?.[0]?.uid, 'uid of web');
  assert.equal(slice?.metadata.generateName, 'web-');
});

test('a replaced pod takes the place of the old one: one write', () => {
  const service = makeService();
  const { slices } = sync([], service, backends(120));
  const pods = [...backends(120).slice(1), backend('pod-new', { ip: '10.42.9.9' })];
  assert.deepEqual(writes(sync(slices, service, pods).changes), [0, 1, 0]);
});

test('a service without pods keeps one empty slice', () => {
  const service = makeService();
  const empty = sync([], service, []);
  assert.deepEqual(writes(empty.changes), [1, 0, 0]);
  assert.deepEqual([empty.slices[0]?.endpoints, empty.slices[0]?.ports], [[], []]);
  assert.deepEqual(writes(sync(empty.slices, service, []).changes), [0, 0, 0]);
  const full = sync(empty.slices, service, backends(1));
  assert.deepEqual(
    full.slices.map(({ endpoints }) => endpoints.length),
    [1],
  );
  assert.equal(
    sync(full.slices, makeService({ type: 'ExternalName', externalName: 'web.example' }), backends(1)).slices.length,
    0,
  );
});

test('whatever happens: each pod in one slice, none too full, and a second look changes nothing', () => {
  const service = makeService();
  const states = fc.array(fc.constantFrom('absent', 'ready', 'unready'), { minLength: 230, maxLength: 230 });
  const property = fc.property(fc.array(states, { minLength: 1, maxLength: 4 }), (rounds) => {
    let slices: EndpointSlice[] = [];
    for (const round of rounds) {
      const pods = backends(230, (index) => ({ ready: round[index] === 'ready' })).filter(
        (_, index) => round[index] !== 'absent',
      );
      const next = sync(slices, service, pods);
      const before = new Map(slices.map((slice) => [slice.metadata.name, slice]));
      for (const update of next.changes.updates) assert.notDeepEqual(update, before.get(update.metadata.name));
      slices = next.slices;
      const names = slices.flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => targetRef?.name ?? ''));
      assert.deepEqual(names.sort(), pods.map(({ metadata }) => metadata.name).sort());
      for (const { endpoints } of slices) assert.ok(endpoints.length <= MAX_ENDPOINTS_PER_SLICE);
      assert.deepEqual(writes(sync(slices, service, pods).changes), [0, 0, 0]);
    }
  });
  fc.assert(property, { seed: 5, numRuns: 30 });
});
