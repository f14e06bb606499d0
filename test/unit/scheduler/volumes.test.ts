/** Volumes: where a pod's claims let it go, which volume a claim gets, and how many a node takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache } from '../../../master/scheduler/cache.ts';
import { computeDecision } from '../../../master/scheduler/decision.ts';
import { renderImpossibility } from '../../../master/scheduler/explanation.ts';
import { chooseVolumes, waitingClaimsOf } from '../../../master/scheduler/plugins/volume-binding.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { makeCache, type PodOptions, podInfo } from './cluster.ts';

const META = { uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };

interface VolumeOptions {
  name: string;
  node?: string;
  size?: string;
  className?: string;
  claimedBy?: string;
  modes?: string[];
  csi?: string;
}

function makeVolume({
  name,
  node,
  size = '1Gi',
  className = 'late',
  claimedBy,
  modes,
  csi,
}: VolumeOptions): PersistentVolume {
  const terms = [{ matchExpressions: [{ key: 'host', operator: 'In' as const, values: [node ?? ''] }] }];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, ...META },
    spec: {
      capacity: { storage: size },
      accessModes: modes ?? ['ReadWriteOnce'],
      storageClassName: className,
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: 'Delete',
      ...(node === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: terms } } }),
      ...(claimedBy === undefined ? {} : { claimRef: { namespace: 'default', name: claimedBy } }),
      ...(csi === undefined ? {} : { csi: { driver: 'd', volumeHandle: csi } }),
    },
    status: { phase: claimedBy === undefined ? 'Available' : 'Bound' },
  };
}

interface ClaimOptions {
  name: string;
  volume?: string;
  className?: string;
  size?: string;
  phase?: 'Pending' | 'Bound' | 'Lost';
  modes?: string[];
  selectedNode?: string;
  leaving?: boolean;
}

function makeClaim(options: ClaimOptions): PersistentVolumeClaim {
  const { name, volume, className = 'late', size = '1Gi', modes = ['ReadWriteOnce'], selectedNode, leaving } = options;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: 'default',
      ...META,
      ...(selectedNode ? { annotations: { 'volume.kubernetes.io/selected-node': selectedNode } } : {}),
      ...(leaving ? { deletionTimestamp: META.creationTimestamp } : {}),
    },
    spec: {
      accessModes: modes,
      resources: { requests: { storage: size } },
      storageClassName: className,
      volumeMode: 'Filesystem',
      ...(volume === undefined ? {} : { volumeName: volume }),
    },
    status: { phase: options.phase ?? (volume === undefined ? 'Pending' : 'Bound') },
  };
}

function makeClass(name: string, provisioner: string, mode: 'Immediate' | 'WaitForFirstConsumer'): StorageClass {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, ...META },
    provisioner,
    reclaimPolicy: 'Delete',
    volumeBindingMode: mode,
  };
}

interface WorldOptions {
  volumes?: VolumeOptions[];
  claims?: ClaimOptions[];
  /** Node → claims that its pods use. */
  users?: Record<string, string[]>;
  limit?: string;
}

function makeWorld({ volumes = [], claims = [], users = {}, limit }: WorldOptions): Cache {
  const others = limit === undefined ? {} : { others: { 'attachable-volumes-csi-d': limit } };
  const cache = makeCache({
    nodes: ['a', 'b'].map((name) => ({ name, labels: { host: name }, ...others })),
    pods: Object.fromEntries(Object.entries(users).map(([node, names]) => [node, names.map((name) => using(name))])),
  });
  const { volumes: state } = cache;
  for (const volume of volumes) state.volumes.set(volume.name, makeVolume(volume));
  for (const claim of claims) state.claims.set(`default/${claim.name}`, makeClaim(claim));
  for (const storageClass of [
    makeClass('late', 'kubernetes.io/no-provisioner', 'WaitForFirstConsumer'),
    makeClass('made', 'bramble.dev/local-path', 'WaitForFirstConsumer'),
    makeClass('soon', 'bramble.dev/local-path', 'Immediate'),
    {
      ...makeClass('pinned', 'x', 'WaitForFirstConsumer'),
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'host', values: ['b'] }] }],
    },
  ]) {
    state.classes.set(storageClass.metadata.name, storageClass);
  }
  return cache;
}

function using(...claims: string[]): PodOptions {
  return { volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) };
}

const TWO_NODES = (reason: string): string => `0/2 nodes are available: 2 ${reason}.`;
const ROWS: { what: string; world: WorldOptions; pod?: PodOptions; expected: string }[] = [
  { what: 'no such claim', world: {}, expected: '0/2 nodes are available: persistentvolumeclaim "c" not found.' },
  {
    what: 'a claim that is leaving',
    world: { claims: [{ name: 'c', leaving: true }] },
    expected: '0/2 nodes are available: persistentvolumeclaim "c" is being deleted.',
  },
  {
    what: 'bound to a volume of one node',
    world: { claims: [{ name: 'c', volume: 'v' }], volumes: [{ name: 'v', node: 'b', claimedBy: 'c' }] },
    expected: 'b',
  },
  {
    what: 'bound to a volume that is gone',
    world: { claims: [{ name: 'c', volume: 'v' }] },
    expected: '0/2 nodes are available: persistentvolume "v" not found.',
  },
  {
    what: 'a claim that lost its volume',
    world: { claims: [{ name: 'c', volume: 'v', phase: 'Lost' }] },
    expected: '0/2 nodes are available: persistentvolumeclaim "c" bound to non-existent persistentvolume "v".',
  },
  {
    what: 'not bound, and not ours to bind',
    world: { claims: [{ name: 'c', className: 'soon' }] },
    expected: '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
  },
  {
    what: 'a volume that waits on one node',
    world: { claims: [{ name: 'c' }], volumes: [{ name: 'v', node: 'a' }] },
    expected: 'a',
  },
  {
    what: 'a volume that is too small',
    world: { claims: [{ name: 'c', size: '2Gi' }], volumes: [{ name: 'v', node: 'a' }] },
    expected: TWO_NODES("node(s) didn't find available persistent volumes to bind"),
  },
  {
    what: 'a volume of somebody else',
    world: { claims: [{ name: 'c' }], volumes: [{ name: 'v', node: 'a', claimedBy: 'd' }] },
    expected: TWO_NODES("node(s) didn't find available persistent volumes to bind"),
  },
  {
    what: 'a volume kept for it',
    world: { claims: [{ name: 'c' }], volumes: [{ name: 'v', node: 'a', claimedBy: 'c' }] },
    expected: 'a',
  },
  {
    what: 'a volume that cannot be written',
    world: { claims: [{ name: 'c' }], volumes: [{ name: 'v', node: 'a', modes: ['ReadOnlyMany'] }] },
    expected: TWO_NODES("node(s) didn't find available persistent volumes to bind"),
  },
  {
    what: 'a volume to be made where the class allows',
    world: { claims: [{ name: 'c', className: 'pinned' }] },
    expected: 'b',
  },
  {
    what: 'a volume that is being made on a node',
    world: { claims: [{ name: 'c', className: 'made', selectedNode: 'b' }] },
    expected: 'b',
  },
  {
    what: 'two claims that only one node serves',
    world: {
      claims: [{ name: 'c' }, { name: 'd' }],
      volumes: [
        { name: 'v', node: 'a' },
        { name: 'w', node: 'b' },
        { name: 'x', node: 'b' },
      ],
    },
    pod: using('c', 'd'),
    expected: 'b',
  },
  {
    what: 'volumes on two nodes',
    world: {
      claims: [
        { name: 'c', volume: 'v' },
        { name: 'd', volume: 'w' },
      ],
      volumes: [
        { name: 'v', node: 'a', claimedBy: 'c' },
        { name: 'w', node: 'b', claimedBy: 'd' },
      ],
    },
    pod: using('c', 'd'),
    expected: TWO_NODES("node(s) didn't match PersistentVolume's node affinity"),
  },
  {
    what: 'a claim of one pod only',
    world: {
      claims: [{ name: 'c', volume: 'v', modes: ['ReadWriteOncePod'] }],
      volumes: [{ name: 'v', claimedBy: 'c' }],
      users: { a: ['c'] },
    },
    expected: TWO_NODES('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'),
  },
  {
    what: 'as many volumes as the node takes',
    world: {
      limit: '1',
      claims: [
        { name: 'c', volume: 'v' },
        { name: 'd', volume: 'w' },
      ],
      volumes: [
        { name: 'v', claimedBy: 'c', csi: '1' },
        { name: 'w', claimedBy: 'd', csi: '2' },
      ],
      users: { a: ['d'] },
    },
    expected: 'b',
  },
  {
    what: 'the claim of an ephemeral volume',
    world: { claims: [{ name: 'web-data', volume: 'v' }], volumes: [{ name: 'v', node: 'b', claimedBy: 'web-data' }] },
    pod: { volumes: [{ name: 'data', ephemeral: {} }] },
    expected: 'b',
  },
];

for (const { what, world, pod = using('c'), expected } of ROWS) {
  test(`volumes: ${what}`, () => {
    const decision = computeDecision({
      pod: podInfo(pod),
      snapshot: makeWorld(world).snapshot(0),
      random: seededRandom(1),
    });
    assert.equal(decision.type === 'place' ? decision.node : renderImpossibility(decision), expected);
  });
}

test('volumes: a choice takes the smallest that serves, and keeps it from the next pod', () => {
  const cache = makeWorld({
    claims: [{ name: 'c' }, { name: 'd' }],
    volumes: [
      { name: 'large', node: 'a', size: '5Gi' },
      { name: 'small', node: 'a', size: '1Gi' },
    ],
  });
  const choose = (claim: string) => {
    const pod = podInfo(using(claim));
    return chooseVolumes(waitingClaimsOf(pod, cache.volumes), cache.volumes, defined(cache.node('a'), 'the node'));
  };
  assert.deepEqual([...(choose('c') ?? [])], [['default/c', 'small']]);
  cache.volumes.reserve(new Map([['default/c', 'small']]));
  assert.deepEqual([...(choose('d') ?? [])], [['default/d', 'large']]);
  assert.deepEqual([...(choose('c') ?? [])], [['default/c', 'small']]);
  cache.volumes.release(new Map([['default/c', 'small']]));
  assert.deepEqual([...(choose('d') ?? [])], [['default/d', 'small']]);
});
