/** What processes of a pod may do and see: users, rights, profiles, namespaces, kernel parameters. On real Docker. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { hasDocker, TEST_IMAGE, type TestEngine } from '../support/docker.ts';
import { container, openPodNode, type PodNode, statusOf } from '../support/pod-node.ts';

let node: PodNode;

const field = (name: string): string => `sed -n 's/^${name}:[[:space:]]*//p' /proc/1/status`;

/** Bits of capabilities(7). */
const CAPABILITY = { chown: 0, netBindService: 10, netAdmin: 12, sysAdmin: 21 } as const;

function has(mask: string, bit: number): boolean {
  return ((BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) === 1n;
}

const SECCOMP = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
};

const localhost = (name: string) => ({ type: 'Localhost', localhostProfile: name });

function secured(name: string, securityContext: JsonObject): JsonObject {
  return container({ name, securityContext });
}

const USERS = {
  securityContext: { runAsUser: 1000, runAsGroup: 2000, supplementalGroups: [3000], fsGroup: 4000 },
  containers: [
    container({
      volumeMounts: [
        { name: 'work', mountPath: '/work' },
        { name: 'conf', mountPath: '/conf' },
      ],
    }),
    secured('own', { runAsUser: 1001, runAsNonRoot: true }),
    secured('root', { runAsUser: 0, runAsNonRoot: true }),
  ],
  volumes: [
    { name: 'work', emptyDir: {} },
    { name: 'conf', downwardAPI: { items: [{ path: 'name', mode: 0o440, fieldRef: { fieldPath: 'metadata.name' } }] } },
  ],
};

const RIGHTS = {
  containers: [
    container(),
    secured('less', { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] }, allowPrivilegeEscalation: false }),
    secured('more', { capabilities: { add: ['NET_ADMIN'] }, seccompProfile: { type: 'Unconfined' } }),
    secured('all', { privileged: true }),
    secured('frozen', { readOnlyRootFilesystem: true, procMount: 'Default' }),
    secured('profiled', { seccompProfile: localhost('profiles/no-mkdir.json') }),
    secured('unprofiled', { seccompProfile: localhost('profiles/none.json') }),
    secured('default', { seccompProfile: { type: 'RuntimeDefault' }, appArmorProfile: { type: 'Unconfined' } }),
    secured('armored', { appArmorProfile: localhost('some-profile') }),
    secured('labelled', { seLinuxOptions: { level: 's0:c1' } }),
  ],
};

const REFUSED: Readonly<Record<string, JsonObject>> = {
  'unsafe-sysctl': { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '65536' }] } },
  'own-users': { hostUsers: false },
  windows: { os: { name: 'windows' } },
  claims: { resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] },
};

async function createAll(): Promise<void> {
  mkdirSync(join(node.dataDir, 'seccomp/profiles'), { recursive: true });
  writeFileSync(join(node.dataDir, 'seccomp/profiles/no-mkdir.json'), JSON.stringify(SECCOMP));
  const sysctls = [
    { name: 'net.ipv4.ip_unprivileged_port_start', value: '80' },
    { name: 'kernel.shm_rmid_forced', value: '1' },
  ];
  await Promise.all([
    node.create('users', USERS),
    node.create('rights', RIGHTS),
    node.create('host', { hostNetwork: true, hostPID: true, hostIPC: true, containers: [container()] }),
    node.create('together', {
      ...{ shareProcessNamespace: true, securityContext: { sysctls, supplementalGroupsPolicy: 'Strict' } },
      containers: [container(), secured('strict', { runAsUser: 5, runAsGroup: 6 })],
    }),
    ...Object.entries(REFUSED).map(([name, spec]) => node.create(name, { containers: [container()], ...spec })),
  ]);
}

async function problemOf(pod: string, name: string): Promise<string> {
  const found = await node.until(pod, `${name} is refused`, (seen) => {
    return statusOf(seen, name)?.state.waiting?.reason === 'CreateContainerConfigError';
  });
  return statusOf(found, name)?.state.waiting?.message ?? '';
}

const runs = (pod: string, name: string) =>
  node.until(pod, `${name} runs`, (seen) => statusOf(seen, name)?.state.running !== undefined);

function canBePrivileged(engine: TestEngine): Promise<boolean> {
  return engine.docker('run', '--rm', '--privileged', TEST_IMAGE, 'true').then(
    () => true,
    () => false,
  );
}

if (await hasDocker()) {
  describe('pods on Docker: rights', () => {
    before(async () => {
      node = await openPodNode();
      await createAll();
    });
    after(() => node?.close());

    it('runAsUser, runAsGroup and supplementalGroups', async () => {
      await runs('users', 'main');
      assert.equal(await node.sh('users', 'id -u; id -g; id -G'), '1000\n2000\n2000 3000 4000');
      await runs('users', 'own');
      assert.equal(await node.sh('users', 'id -u', 'own'), '1001');
    });

    it('runAsNonRoot', async () => {
      assert.equal(await problemOf('users', 'root'), "container's runAsUser breaks non-root policy");
    });

    it('fsGroup: volumes belong to the group', async () => {
      const script =
        'touch /work/mine && stat -c "%g %A" /work /work/mine; stat -L -c "%g %a" /conf/name; cat /conf/name';
      const expected = '4000 drwxrwsrwx\n4000 -rw-r--r--\n4000 440\nusers';
      assert.equal(await node.sh('users', script), expected);
    });

    it('supplementalGroupsPolicy', async () => {
      await runs('together', 'strict');
      assert.equal(await node.sh('together', 'id -G', 'strict'), '6');
      assert.match(await problemOf('together', 'main'), /Strict needs runAsUser and runAsGroup/);
    });

    it('capabilities', async () => {
      await Promise.all(['main', 'less', 'more'].map((name) => runs('rights', name)));
      const [usual, less, more] = await Promise.all(
        ['main', 'less', 'more'].map((name) => node.sh('rights', field('CapEff'), name)),
      );
      const bits = [CAPABILITY.chown, CAPABILITY.netBindService, CAPABILITY.netAdmin];
      assert.deepEqual(
        bits.map((bit) => has(usual ?? '', bit)),
        [true, true, false],
      );
      assert.deepEqual(
        bits.map((bit) => has(less ?? '', bit)),
        [false, true, false],
      );
      assert.deepEqual(
        bits.map((bit) => has(more ?? '', bit)),
        [true, true, true],
      );
    });

    it('allowPrivilegeEscalation', async () => {
      assert.equal(await node.sh('rights', field('NoNewPrivs'), 'less'), '1');
      assert.equal(await node.sh('rights', field('NoNewPrivs')), '0');
    });

    it('privileged', async () => {
      const pod = await node.until('rights', 'the privileged container was made', (seen) => {
        return statusOf(seen, 'all')?.containerID !== undefined;
      });
      const id = statusOf(pod, 'all')?.containerID?.replace('docker://', '') ?? '';
      assert.equal(await node.engine.docker('inspect', '-f', '{{.HostConfig.Privileged}}', id), 'true');
      // A machine that does not have all rights itself cannot give them to anybody.
      if (!(await canBePrivileged(node.engine))) return;
      await runs('rights', 'all');
      assert.equal(has(await node.sh('rights', field('CapEff'), 'all'), CAPABILITY.sysAdmin), true);
    });

    it('readOnlyRootFilesystem', async () => {
      await runs('rights', 'frozen');
      assert.match(await node.sh('rights', 'touch /x 2>&1', 'frozen'), /Read-only file system/);
    });

    it('procMount: parts of /proc are out of reach', async () => {
      assert.match(
        await node.sh('rights', 'echo own 2>&1 > /proc/sys/kernel/domainname', 'frozen'),
        /Read-only file system/,
      );
    });

    it('seccompProfile', async () => {
      await Promise.all(['default', 'profiled'].map((name) => runs('rights', name)));
      const modes = await Promise.all(
        ['main', 'default', 'more'].map((name) => node.sh('rights', field('Seccomp'), name)),
      );
      assert.deepEqual(modes, ['2', '2', '0']);
      assert.match(await node.sh('rights', 'mkdir /tmp/x 2>&1', 'profiled'), /Operation not permitted/);
      assert.match(await problemOf('rights', 'unprofiled'), /cannot load seccomp profile ".*none.json": no such file/);
    });

    it('appArmorProfile', async () => {
      const options = await node.engine.docker('info', '--format', '{{.SecurityOptions}}');
      // A profile that the kernel does not have, or a kernel without AppArmor: refused either way.
      const isRefused = (reason: string | undefined) => /^CreateContainer|CrashLoopBackOff/.test(reason ?? '');
      const pod = await node.until('rights', 'armored is refused', (seen) => {
        const state = statusOf(seen, 'armored')?.state;
        return isRefused(state?.waiting?.reason) || state?.terminated?.reason === 'ContainerCannotRun';
      });
      if (options.includes('apparmor')) return;
      assert.equal(
        statusOf(pod, 'armored')?.state.waiting?.message,
        'Cannot enforce AppArmor: AppArmor is not enabled on the host',
      );
    });

    it('seLinuxOptions are noted as without effect', async () => {
      await runs('rights', 'labelled');
      assert.match(await node.event('rights', 'FieldIgnored'), /no effect to: securityContext.seLinuxOptions/);
    });

    it('hostNetwork, hostPID and hostIPC', async () => {
      const pod = await node.ready('host');
      assert.equal(pod.status.podIP, pod.status.hostIP);
      const id = statusOf(pod)?.containerID?.replace('docker://', '') ?? '';
      const modes = await node.engine.docker('inspect', '-f', '{{.HostConfig.PidMode}}', id);
      assert.equal(modes, 'host');
      const names = 'for n in net ipc pid; do readlink /proc/self/ns/$n; done; hostname';
      const own = await node.engine.docker(
        'run',
        '--rm',
        ...['net', 'ipc', 'pid'].map((name) => `--${name}=host`),
        TEST_IMAGE,
        'sh',
        '-c',
        names,
      );
      assert.equal(await node.sh('host', names), own.replace(/[^\n]*$/, hostname()));
    });

    it('shareProcessNamespace', async () => {
      await runs('together', 'strict');
      assert.match(await node.sh('together', 'cat /proc/1/cmdline', 'strict'), /^\/pause/);
    });

    it('sysctls', async () => {
      const script = 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced';
      assert.equal(await node.sh('together', script, 'strict'), '80\n1');
      const { status } = await node.until('unsafe-sysctl', 'is refused', (pod) => pod.status.phase === 'Failed');
      assert.deepEqual(
        [status.reason, status.message],
        ['SysctlForbidden', 'forbidden sysctl: "kernel.msgmax" not allowlisted'],
      );
    });

    it('runtimeClassName and overhead need a RuntimeClass, of which there is none', async () => {
      const containers = [container()];
      const create = (spec: JsonObject) => node.create('classed', { containers, ...spec });
      await assert.rejects(create({ runtimeClassName: 'gvisor' }), /RuntimeClass "gvisor" not found/);
      await assert.rejects(create({ overhead: { cpu: '10m' } }), /Pod Overhead set without corresponding RuntimeClass/);
    });

    it('what a board cannot give is refused with a reason', async () => {
      assert.match(await node.event('own-users', 'FailedCreatePodSandBox'), /hostUsers: false is not served/);
      assert.match(await node.event('claims', 'FailedCreatePodSandBox'), /resourceClaims are not served/);
      const { status } = await node.until('windows', 'is refused', (pod) => pod.status.phase === 'Failed');
      assert.equal(status.reason, 'PodOSNotSupported');
    });
  });
}
