/** Files of pods: directories, what the API says as files, tokens, claims, and parts of volumes. On real Docker. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ConfigMapKind } from '../../shared/api/config-map.ts';
import { PersistentVolumeKind } from '../../shared/api/persistent-volume.ts';
import { PersistentVolumeClaimKind } from '../../shared/api/persistent-volume-claim.ts';
import { PodKind } from '../../shared/api/pod.ts';
import { SecretKind } from '../../shared/api/secret.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { hasDocker } from '../support/docker.ts';
import { container, openPodNode, type PodNode, ROOT_CERTIFICATE, statusOf, until } from '../support/pod-node.ts';
import { createSkippingClock, type SkippingClock } from '../support/skipping-clock.ts';

let node: PodNode;
let clock: SkippingClock;
let socket: Server;

const run = promisify(execFile);
const sh = (script: string): string[] => ['sh', '-c', script];
const mount = (name: string, over: JsonObject = {}): JsonObject => ({ name, mountPath: `/${name}`, ...over });
const key = (name: string) => ({ namespace: 'default', name });

/** A block device of the machine, if it has one. */
const BLOCK_DEVICE = (existsSync('/sys/block') ? readdirSync('/sys/block') : [])
  .map((name) => `/dev/${name}`)
  .find((path) => existsSync(path));

const DIRECTORIES = {
  containers: [
    container({
      command: sh('echo one >> /disk/runs; [ $(wc -l < /disk/runs) -gt 1 ] || exit 1; exec sleep 1000'),
      volumeMounts: [mount('disk'), mount('memory')],
    }),
    container({ name: 'other', volumeMounts: [mount('disk')] }),
  ],
  volumes: [
    { name: 'disk', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '2Mi' } },
  ],
};

const GREEDY = {
  containers: [
    container({
      command: sh('head -c 3000000 /dev/zero > /disk/much; exec sleep 1000'),
      volumeMounts: [mount('disk')],
    }),
  ],
  volumes: [{ name: 'disk', emptyDir: { sizeLimit: '1Mi' } }],
};

const SCRIBBLER = {
  containers: [
    container({
      command: sh('head -c 3000000 /dev/zero > /tmp/much; exec sleep 1000'),
      resources: { limits: { 'ephemeral-storage': '1Mi' } },
    }),
    container({ name: 'other', resources: { limits: { 'ephemeral-storage': '10Mi' } } }),
  ],
};

const READS_PAIRS =
  'while :; do d=$(readlink /conf/..data); a=$(cat /conf/$d/a); b=$(cat /conf/$d/b); ' +
  '[ -n "$a" ] && [ -n "$b" ] && [ "$a" != "$b" ] && echo "$a $b"; done 2> /dev/null';

const CONFIGURED = {
  containers: [
    container({
      volumeMounts: [
        mount('conf'),
        mount('keys'),
        mount('some'),
        mount('none'),
        mount('all'),
        mount('pod'),
        mount('conf', { mountPath: '/alone/a', subPath: 'a' }),
      ],
      resources: { limits: { memory: '32Mi' } },
    }),
    container({ name: 'watcher', command: sh(READS_PAIRS), volumeMounts: [mount('conf')] }),
  ],
  volumes: [
    { name: 'conf', configMap: { name: 'conf' } },
    { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } },
    { name: 'some', configMap: { name: 'conf', items: [{ key: 'a', path: 'deep/er', mode: 0o600 }] } },
    { name: 'none', secret: { secretName: 'nothing', optional: true } },
    {
      name: 'pod',
      downwardAPI: {
        items: [
          { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
          { path: 'memory', resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: '1Mi' } },
        ],
      },
    },
    {
      name: 'all',
      projected: {
        defaultMode: 0o440,
        sources: [
          { configMap: { name: 'conf', items: [{ key: 'b', path: 'from/map' }] } },
          { secret: { name: 'keys', items: [{ key: 'pin', path: 'from/secret', mode: 0o400 }] } },
          { downwardAPI: { items: [{ path: 'from/pod', fieldRef: { fieldPath: 'metadata.uid' } }] } },
          { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } },
        ],
      },
    },
  ],
};

const PARTS = {
  initContainers: [
    container({
      name: 'fill',
      command: sh('mkdir -p /work/in && echo inner > /work/in/file && ln -s /etc /work/out'),
      volumeMounts: [mount('work')],
    }),
  ],
  containers: [
    container({
      env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      volumeMounts: [
        mount('work', { readOnly: true }),
        mount('work', { mountPath: '/in', subPath: 'in' }),
        mount('work', { mountPath: '/file', subPath: 'in/file' }),
        mount('work', { mountPath: '/own', subPathExpr: 'logs/$(POD)' }),
        mount('work', {
          mountPath: '/deep',
          readOnly: true,
          recursiveReadOnly: 'IfPossible',
          mountPropagation: 'None',
        }),
      ],
    }),
    container({ name: 'escape', volumeMounts: [mount('work', { mountPath: '/etc2', subPath: 'out' })] }),
  ],
  volumes: [{ name: 'work', emptyDir: {} }],
};

/** Volumes of the node by their type; those that are made, and those that must be there. */
function hostPaths(): { name: string; hostPath: { path: string; type: string } }[] {
  const at = (name: string): string => join(node.shared, 'host', name);
  return [
    { name: 'any', hostPath: { path: at('here'), type: '' } },
    { name: 'dir', hostPath: { path: at('here'), type: 'Directory' } },
    { name: 'newdir', hostPath: { path: at('new-dir'), type: 'DirectoryOrCreate' } },
    { name: 'file', hostPath: { path: at('here/file'), type: 'File' } },
    { name: 'colon', hostPath: { path: at('pci-0:1'), type: 'DirectoryOrCreate' } },
    // As `kubectl debug node/…` does; the engine's own directory lies in it.
    { name: 'node', hostPath: { path: '/', type: '' } },
    { name: 'newfile', hostPath: { path: at('new-file'), type: 'FileOrCreate' } },
    { name: 'socket', hostPath: { path: at('socket'), type: 'Socket' } },
    { name: 'char', hostPath: { path: '/dev/null', type: 'CharDevice' } },
    ...(BLOCK_DEVICE === undefined ? [] : [{ name: 'block', hostPath: { path: BLOCK_DEVICE, type: 'BlockDevice' } }]),
  ];
}

async function mountMemory(path: string, ...options: string[]): Promise<void> {
  mkdirSync(path);
  await run('mount', ['-t', 'tmpfs', ...options, 'tmpfs', path]);
}

async function createHostPaths(): Promise<void> {
  mkdirSync(join(node.shared, 'host/here'), { recursive: true });
  writeFileSync(join(node.shared, 'host/here/file'), 'of the node');
  // Shared whatever the machine's root is.
  await mountMemory(join(node.shared, 'mounted'), '--make-shared');
  socket = createServer().listen(join(node.shared, 'host/socket'));
  const volumes = hostPaths();
  const wrong = { path: join(node.shared, 'host/here/file'), type: 'Directory' };
  await Promise.all([
    node.create('host', { containers: [container({ volumeMounts: volumes.map(({ name }) => mount(name)) })], volumes }),
    node.create('wrong', {
      containers: [container({ volumeMounts: [mount('wrong')] })],
      volumes: [{ name: 'wrong', hostPath: wrong }],
    }),
  ]);
}

const CLAIM = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };

async function createClaims(): Promise<void> {
  const { client } = node;
  const affinity = {
    required: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: [node.name] }] }],
    },
  };
  const local = (path: string, volumeMode: 'Filesystem' | 'Block') => ({
    ...{ capacity: { storage: '1Mi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'by-hand' },
    ...{ volumeMode, nodeAffinity: affinity, local: { path } },
  });
  mkdirSync(join(node.shared, 'local'));
  const byHand = { ...CLAIM, storageClassName: 'by-hand' };
  await client.create(PersistentVolumeKind, {
    metadata: { name: 'local' },
    spec: local(join(node.shared, 'local'), 'Filesystem'),
  });
  await client.create(PersistentVolumeClaimKind, { metadata: key('made'), spec: CLAIM });
  await client.create(PersistentVolumeClaimKind, { metadata: key('local'), spec: { ...byHand, volumeName: 'local' } });
  await node.schedule('claiming', {
    securityContext: { fsGroup: 4000, fsGroupChangePolicy: 'OnRootMismatch' },
    containers: [container({ volumeMounts: [mount('made'), mount('local'), mount('own'), mount('fixed')] })],
    volumes: [
      { name: 'made', persistentVolumeClaim: { claimName: 'made' } },
      { name: 'local', persistentVolumeClaim: { claimName: 'local' } },
      { name: 'fixed', persistentVolumeClaim: { claimName: 'local', readOnly: true } },
      { name: 'own', ephemeral: { volumeClaimTemplate: { metadata: { labels: { of: 'pod' } }, spec: CLAIM } } },
    ],
  });
  if (BLOCK_DEVICE === undefined) return;
  await client.create(PersistentVolumeKind, { metadata: { name: 'disk' }, spec: local(BLOCK_DEVICE, 'Block') });
  const spec = { ...byHand, volumeName: 'disk', volumeMode: 'Block' as const };
  await client.create(PersistentVolumeClaimKind, { metadata: key('disk'), spec });
  await node.schedule('raw', {
    containers: [container({ volumeDevices: [{ name: 'disk', devicePath: '/dev/of-claim' }] })],
    volumes: [{ name: 'disk', persistentVolumeClaim: { claimName: 'disk', readOnly: true } }],
  });
}

async function createAll(): Promise<void> {
  const { client } = node;
  await client.create(ConfigMapKind, { metadata: key('conf'), data: { a: '1', b: '1' } });
  await client.create(SecretKind, { metadata: key('keys'), stringData: { pin: '1234' } });
  await createHostPaths();
  await createClaims();
  const shared = { name: 'shared', hostPath: { path: join(node.shared, 'mounted') } };
  await Promise.all([
    node.create('directories', DIRECTORIES),
    node.create('greedy', GREEDY),
    node.create('scribbler', SCRIBBLER),
    node.create('configured', CONFIGURED, { labels: { app: 'demo' } }),
    node.create('parts', PARTS),
    node.create('secretive', { automountServiceAccountToken: false, containers: [container()] }),
    node.create('remote', {
      containers: [container({ volumeMounts: [mount('far')] })],
      volumes: [{ name: 'far', nfs: { server: 'nas.local', path: '/srv' } }],
    }),
    node.create('propagated', {
      containers: [container({ volumeMounts: [mount('shared', { mountPropagation: 'HostToContainer' })] })],
      volumes: [shared],
    }),
  ]);
}

const runs = (pod: string, name = 'main') =>
  node.until(pod, `${name} runs`, (seen) => statusOf(seen, name)?.state.running !== undefined);

/** Why; time goes by until it is. */
async function evicted(name: string): Promise<string> {
  const pod = await node.until(name, 'is evicted', (seen) => {
    if (seen.status.phase === 'Running') clock.skip(16_000);
    return seen.status.phase === 'Failed';
  });
  assert.equal(pod.status.reason, 'Evicted');
  return pod.status.message ?? '';
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

if (await hasDocker()) {
  describe('pods on Docker: volumes', () => {
    before(async () => {
      clock = createSkippingClock();
      node = await openPodNode({ clock });
      await createAll();
    });
    after(async () => {
      socket?.close();
      for (const path of ['mounted/later', 'mounted'])
        await run('umount', [join(node.shared, path)]).catch(() => undefined);
      await node?.close();
    });

    it('emptyDir on the disk is shared by the containers and outlives their runs', async () => {
      await node.until('directories', 'main runs again', (pod) => {
        const status = statusOf(pod);
        return status?.restartCount === 1 && status.state.running !== undefined;
      });
      assert.equal(await node.sh('directories', 'cat /disk/runs; stat -c %a /disk', 'other'), 'one\none\n777');
    });

    it('emptyDir in memory has its size', async () => {
      const script =
        'df -k /memory | tail -1 | tr -s " " | cut -d " " -f 1,2; head -c 3000000 /dev/zero 2>&1 > /memory/x';
      assert.match(await node.sh('directories', script), /^tmpfs 2048\nhead: /);
    });

    it('hostPath by every type', async () => {
      await node.ready('host');
      const script =
        'cat /any/file /file; echo; for n in dir newdir colon node/proc; do test -d /$n && echo $n; done; test -f /newfile && echo file;' +
        'test -S /socket && echo socket; test -c /char && echo char; test -b /block && echo block';
      const block = BLOCK_DEVICE === undefined ? '' : '\nblock';
      assert.equal(
        await node.sh('host', script),
        `of the nodeof the node\ndir\nnewdir\ncolon\nnode/proc\nfile\nsocket\nchar${block}`,
      );
    });

    it('hostPath where something else is told', async () => {
      assert.match(
        await node.event('wrong', 'FailedMount'),
        /hostPath type check failed: .*here\/file is not a directory/,
      );
    });

    it('configMap and secret volumes: names, modes, optional', async () => {
      await runs('configured');
      const script =
        'cat /conf/a /keys/pin /some/deep/er; echo; stat -L -c %a /conf/a /keys/pin /some/deep/er; ls /some /none';
      assert.equal(await node.sh('configured', script), '112341\n644\n400\n600\n/none:\n\n/some:\ndeep');
    });

    it('projected: several sources in one directory', async () => {
      const { metadata } = await node.get('configured');
      const script =
        'cat /all/from/map /all/from/secret /all/from/pod; echo; stat -L -c %a /all/from/map /all/from/secret';
      assert.equal(await node.sh('configured', script), `11234${metadata.uid}\n440\n400`);
    });

    it('downwardAPI: fields and amounts, following the labels', async () => {
      assert.equal(await node.sh('configured', 'cat /pod/labels; echo; cat /pod/memory'), 'app="demo"\n32');
      const body = { metadata: { labels: { app: 'changed' } } };
      await node.client.patch(PodKind, key('configured'), { type: 'merge', body });
      await until(
        'the labels are new',
        async () => (await node.sh('configured', 'cat /pod/labels')) === 'app="changed"',
      );
    });

    it('configMap and secret volumes follow their sources, all files at once', async () => {
      await runs('configured', 'watcher');
      const change = (value: string) =>
        node.client.patch(ConfigMapKind, key('conf'), {
          type: 'merge',
          body: { data: { a: value, b: value, c: 'new' } },
        });
      for (const value of ['2', '3', '4']) {
        await change(value);
        await until(`the file says ${value}`, async () => (await node.sh('configured', 'cat /conf/b')) === value);
      }
      const body = { stringData: { pin: '4321' } };
      await node.client.patch(SecretKind, key('keys'), { type: 'merge', body });
      await until('the secret is new', async () => (await node.sh('configured', 'cat /all/from/secret')) === '4321');
      assert.equal(await node.sh('configured', 'cat /conf/c /keys/pin'), 'new4321');
      assert.equal(await node.logs('configured', 'watcher'), '');
    });

    it('a file that is mounted by subPath stays as it was', async () => {
      assert.equal(await node.sh('configured', 'cat /alone/a'), '1');
    });

    it('subPath and subPathExpr', async () => {
      await runs('parts');
      assert.equal(
        await node.sh('parts', 'cat /in/file /file; echo mine > /own/x; ls /work/logs/parts'),
        'inner\ninner\nx',
      );
    });

    it('a subPath never leads out of its volume', async () => {
      const pod = await node.until('parts', 'escape is refused', (seen) => {
        return statusOf(seen, 'escape')?.state.waiting?.reason === 'CreateContainerConfigError';
      });
      assert.match(statusOf(pod, 'escape')?.state.waiting?.message ?? '', /out of .*volume|link/);
    });

    it('readOnly and recursiveReadOnly mounts', async () => {
      assert.match(
        await node.sh('parts', 'touch /work/x 2>&1; touch /deep/x 2>&1'),
        /^(touch: .*Read-only file system\n?){2}$/,
      );
    });

    it('mountPropagation: what the node mounts later appears', async () => {
      await runs('propagated');
      await mountMemory(join(node.shared, 'mounted/later'));
      writeFileSync(join(node.shared, 'mounted/later/file'), 'seen');
      assert.equal(await node.sh('propagated', 'cat /shared/later/file'), 'seen');
    });

    it('persistentVolumeClaim: a directory that the node makes, and a local volume', async () => {
      await node.ready('claiming');
      assert.equal(
        await node.sh('claiming', 'echo kept > /made/x; echo here > /local/x; cat /fixed/x /made/x'),
        'here\nkept',
      );
      assert.equal(readFileSync(join(node.shared, 'local/x'), 'utf8'), 'here\n');
      assert.match(await node.sh('claiming', 'touch /fixed/y 2>&1; stat -c %g /local'), /Read-only file system\n4000$/);
    });

    it('ephemeral: a claim that belongs to the pod', async () => {
      const claim = await node.client.get(PersistentVolumeClaimKind, key('claiming-own'));
      assert.deepEqual([claim.metadata.ownerReferences?.[0]?.name, claim.metadata.labels], ['claiming', { of: 'pod' }]);
      assert.equal(await node.sh('claiming', 'echo x > /own/x; cat /own/x'), 'x');
    });

    it('volumeDevices: a block device of a claim', {
      skip: BLOCK_DEVICE === undefined && 'no block device here',
    }, async () => {
      await node.ready('raw');
      assert.equal(await node.sh('raw', 'test -b /dev/of-claim && echo block'), 'block');
    });

    it('sources of volumes that a board does not mount are told', async () => {
      assert.match(await node.event('remote', 'FailedMount'), /nfs volumes are not served by this node/);
    });

    // From here on the agent's clock runs ahead of the engine's.
    it('tokens of service accounts stand for the pod and are rotated', async () => {
      const first = await node.sh('configured', 'cat /all/token');
      const mounted = await node.sh(
        'configured',
        `cat ${SERVICE_ACCOUNT}/namespace; echo; cat ${SERVICE_ACCOUNT}/ca.crt`,
      );
      assert.equal(mounted, `default\n${ROOT_CERTIFICATE.trim()}`);
      const user = await node.userOf(await node.sh('configured', `cat ${SERVICE_ACCOUNT}/token`));
      assert.equal(user?.name, 'system:serviceaccount:default:default');
      clock.skip(500_000);
      await until('there is another token', async () => {
        const second = await node.sh('configured', 'cat /all/token');
        return second !== '' && second !== first;
      });
      await node.ready('secretive');
      assert.equal(await node.sh('secretive', `ls ${SERVICE_ACCOUNT} 2>&1 | grep -c "No such"`), '1');
    });

    it('emptyDir that grows beyond its size: the pod is evicted', async () => {
      assert.match(await evicted('greedy'), /Usage of EmptyDir volume "disk" exceeds the limit "1Mi"/);
    });

    it('a container that writes more than its limit of ephemeral-storage: the pod is evicted', async () => {
      assert.match(await evicted('scribbler'), /Container main exceeded its local ephemeral storage limit "1Mi"/);
    });
  });
}
