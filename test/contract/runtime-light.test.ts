/**
 * Sandboxes without a container of their own under the contract, on a real engine with a real bridge, and what only they have to
 * show: nothing runs before its network is there, whatever happens to agent, port or container in the middle of a start.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import { PAUSE_IMAGE } from '../../node-agent/container-runtime/pause-image.ts';
import type { PodNetworkDoor, PodPort } from '../../node-agent/container-runtime/pod-network-door.ts';
import { type ContainerConfig, RuntimeError, type SandboxConfig } from '../../node-agent/container-runtime/runtime.ts';
import { nodeKernelSettings } from '../../node-agent/network/node-kernel-settings.ts';
import { attachPort } from '../../node-agent/network/pod-port.ts';
import { createNodeShell } from '../../node-agent/node-shell.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { hasDocker, startTestEngine, TEST_IMAGE, type TestEngine } from '../support/docker.ts';
import { programs, until } from './busybox-programs.ts';
import { containerConfig, describeRuntime, LOG_ONCE, newPod, sandboxConfig, textOf } from './runtime-contract.ts';

const SUBNET = '10.213.77.0/24';

const bridge = `brl${process.pid}`;
const node = `light-${process.pid}`;
const shell = createNodeShell(systemClock);
const folders: string[] = [];
let engine: TestEngine | undefined;

async function attach(port: PodPort): Promise<void> {
  const tools = { shell, settings: nodeKernelSettings, nodePid: process.pid };
  const problem = await attachPort(tools, { bridge, subnets: [SUBNET] }, port);
  if (problem !== undefined) throw new RuntimeError('failed', problem);
}

interface Life {
  /** Of an agent that went before. */
  folder?: string;
  node?: string;
  attach?: (port: PodPort) => Promise<void>;
}

async function openRuntime(life: Life = {}): Promise<{ runtime: DockerRuntime; folder: string }> {
  engine ??= await openEngine();
  const folder = life.folder ?? (await mkdtemp(join(tmpdir(), 'bl-')));
  if (life.folder === undefined) folders.push(folder);
  const podNetwork: PodNetworkDoor = {
    name: () => node,
    onSandbox: async () => undefined,
    ports: {
      subnets: () => [SUBNET],
      attach: life.attach ?? attach,
      list: async () => new Set(await readdir(`/sys/class/net/${bridge}/brif`)),
    },
  };
  const { socketPath } = engine;
  const common = { socketPath, clock: systemClock, logger: silentLogger, podNetwork, sandboxRoot: folder };
  return { runtime: new DockerRuntime({ ...common, node: life.node ?? node }), folder };
}

async function openEngine(): Promise<TestEngine> {
  const started = await startTestEngine();
  await started.docker('network', 'create', '--subnet', SUBNET, '-o', `com.docker.network.bridge.name=${bridge}`, node);
  return started;
}

async function docker(...args: string[]): Promise<string> {
  return (await engine?.docker(...args)) ?? '';
}

/** A pod of one container, not started yet. */
async function make(runtime: DockerRuntime, over: Partial<ContainerConfig>, box: Partial<SandboxConfig> = {}) {
  const pod = newPod();
  const config = sandboxConfig(pod, { isSolitary: true, ...box });
  const sandboxId = await runtime.runSandbox(config);
  const id = await runtime.createContainer(sandboxId, containerConfig(pod, TEST_IMAGE, over));
  const look = () => runtime.list({ podUid: pod.uid });
  const record = async (wanted = id) => (await look()).containers.find((item) => item.id === wanted);
  const ended = (wanted = id) => until(async () => (await record(wanted))?.state === 'exited');
  const output = (wanted = id) => textOf(runtime.logs(wanted, LOG_ONCE));
  return { pod, config, sandboxId, id, look, record, ended, output };
}

const SHOW_NETWORK = 'ip -o -4 address show eth0; hostname; exec 3</etc/hosts && tail -1 /etc/hosts';

if (await hasDocker()) {
  after(async () => {
    const ids = await docker('ps', '-aq', '--filter', `label=bramble.dev/node=${node}`);
    if (ids !== '') await docker('rm', '-f', ...ids.split('\n'));
    if (engine !== undefined) await docker('network', 'rm', node);
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
    await engine?.stop();
  });

  describeRuntime('docker without sandbox containers', async () => {
    const { runtime } = await openRuntime();
    const neighbour = await openRuntime({ node: `${node}-neighbour` });
    return { runtime, neighbour: neighbour.runtime, programs, until, sandbox: { isSolitary: true } };
  });

  describe('docker without sandbox containers: beyond the contract', () => {
    it('is one container a pod, which has its network before its program runs', async () => {
      const { runtime } = await openRuntime();
      const { id, look, ended, output, pod } = await make(runtime, { command: ['sh', '-c', SHOW_NETWORK] });
      const ip = (await look()).sandboxes[0]?.ip ?? '';
      await runtime.startContainer(id);
      await ended();
      assert.match(await output(), new RegExp(`inet ${ip}/24 .*\\n${pod.name}\\n${ip}\\t${pod.name}\\n$`));
      assert.equal(
        (await docker('ps', '-aq', '--filter', `label=io.kubernetes.pod.uid=${pod.uid}`)).split('\n').length,
        1,
      );
    });

    it('takes entrypoint, command, PATH, user and folder as the engine does', async () => {
      const { runtime } = await openRuntime();
      const security = {
        ...containerConfig(newPod(), TEST_IMAGE).security,
        user: '1000:1000',
        readOnlyRootFilesystem: true,
      };
      const { id, ended, output } = await make(runtime, {
        command: [
          'sh',
          '-c',
          'id -u; pwd; echo $0 $1; ls -A /.bramble; readlink /proc/1/exe; ls /proc/self/fd | wc -l',
        ],
        args: ['zero', 'one'],
        workingDir: '/tmp',
        security: { ...security, dropCapabilities: ['ALL'], allowPrivilegeEscalation: false },
      });
      await runtime.startContainer(id);
      await ended();
      assert.equal(await output(), '1000\n/tmp\nzero one\ngate\n/bin/busybox\n4\n');
      const elsewhere = await make(runtime, {
        command: ['busybox', 'true'],
        env: [{ name: 'PATH', value: '/nowhere' }],
      });
      await assert.rejects(runtime.startContainer(elsewhere.id), /executable file not found in \$PATH/);
    });

    it('says why a program cannot be started, to the next agent too', async () => {
      const { runtime, folder } = await openRuntime();
      const cases: [string, RegExp][] = [
        ['no-such-program', /"no-such-program": executable file not found in \$PATH/],
        ['/etc/hosts', /"\/etc\/hosts": permission denied/],
        ['/bin', /"\/bin": permission denied/],
      ];
      for (const [command, expected] of cases) {
        const { id, record, pod } = await make(runtime, { command: [command] });
        await assert.rejects(runtime.startContainer(id), { reason: 'start-failed', message: expected });
        assert.equal((await record())?.state, 'exited', 'at once, and still there');
        const next = await openRuntime({ folder });
        for (const seen of [await record(), (await next.runtime.list({ podUid: pod.uid })).containers[0]]) {
          assert.deepEqual([seen?.exit?.code, seen?.exit?.startFailed, seen?.startedAtMs], [128, true, undefined]);
          assert.match(seen?.exit?.message ?? '', expected);
        }
      }
    });

    it('keeps its address from run to run, and lets others in while one runs', async () => {
      const { runtime } = await openRuntime();
      const { pod, sandboxId, id, look, ended, output } = await make(runtime, { command: ['sh', '-c', SHOW_NETWORK] });
      await runtime.startContainer(id);
      await ended();
      const first = await output();
      const visitor = await runtime.createContainer(
        sandboxId,
        containerConfig(pod, TEST_IMAGE, { name: 'visitor', command: programs.forever }),
      );
      await runtime.startContainer(visitor);
      const again = { attempt: 1, command: ['sh', '-c', `${SHOW_NETWORK}; exec sleep 1000`] };
      const second = await runtime.createContainer(sandboxId, containerConfig(pod, TEST_IMAGE, again));
      await runtime.startContainer(second);
      await until(async () => (await output(second)) === first);
      const format = '{{.HostConfig.NetworkMode}} {{.HostConfig.IpcMode}}';
      assert.equal(await docker('inspect', '-f', format, second), `container:${visitor} container:${visitor}`);
      assert.equal((await look()).sandboxes[0]?.state, 'ready');
      assert.equal((await runtime.processOf(sandboxId)) !== undefined, true);
      await runtime.removeSandbox(sandboxId);
      await ended(second);
      assert.deepEqual((await look()).sandboxes, []);
    });

    it('an agent that ends in the middle of a start: nothing has run, and the next one starts it', async () => {
      const held = Promise.withResolvers<void>();
      const first = await openRuntime({ attach: () => new Promise(() => held.resolve()) });
      const { pod, sandboxId, id, record } = await make(first.runtime, { command: programs.print('ran', 0) });
      const starting = first.runtime.startContainer(id);
      await Promise.race([held.promise, starting]);
      starting.catch(() => undefined);
      assert.deepEqual([(await record())?.state, (await record())?.startedAtMs], ['created', undefined]);
      const { runtime } = await openRuntime({ folder: first.folder });
      const listing = await runtime.list({ podUid: pod.uid });
      assert.deepEqual([listing.sandboxes[0]?.state, listing.containers], ['ready', []]);
      const config = containerConfig(pod, TEST_IMAGE, { command: programs.print('ran', 0) });
      const again = await runtime.createContainer(sandboxId, config);
      await runtime.startContainer(again);
      await until(async () => (await textOf(runtime.logs(again, LOG_ONCE))) === 'ran\n');
    });

    it('where the node cannot make ports, the engine joins the next sandbox of the pod, and those of others', async () => {
      const { runtime } = await openRuntime({ attach: () => Promise.reject(new Error('no such program: nsenter')) });
      const { config, id, look, sandboxId } = await make(runtime, { command: programs.forever });
      await assert.rejects(runtime.startContainer(id), /nsenter/);
      assert.deepEqual(await look(), { sandboxes: [], containers: [] });
      const next = await runtime.runSandbox({ ...config, attempt: 1 });
      assert.notEqual(next, sandboxId);
      const other = await make(runtime, { command: programs.forever });
      for (const made of [next, other.sandboxId]) {
        assert.equal(await docker('inspect', '-f', '{{.HostConfig.NetworkMode}}', made), node);
      }
    });

    it('where no start ever succeeded, pods that failed get sandbox containers, and in the end all do', async () => {
      const { runtime } = await openRuntime();
      const { security } = containerConfig(newPod(), TEST_IMAGE);
      for (const user of ['nobody-here', 'nor-here', 'nowhere']) {
        const { config, id, look } = await make(runtime, { command: ['true'], security: { ...security, user } });
        await assert.rejects(runtime.startContainer(id), { reason: 'start-failed', message: new RegExp(user) });
        assert.deepEqual((await look()).sandboxes, []);
        const next = await runtime.runSandbox({ ...config, attempt: 1 });
        assert.equal(await docker('inspect', '-f', '{{.Config.Image}}', next), PAUSE_IMAGE);
      }
      const { sandboxId } = await make(runtime, { command: ['true'] });
      assert.equal(await docker('inspect', '-f', '{{.Config.Image}}', sandboxId), PAUSE_IMAGE);
    });

    it('a port that fails once others stood is tried again', async () => {
      const failing = { next: false };
      const { runtime } = await openRuntime({
        attach: (port) => (failing.next ? Promise.reject(new RuntimeError('failed', 'not now')) : attach(port)),
      });
      await runtime.startContainer((await make(runtime, { command: programs.forever })).id);
      const { pod, id, look, sandboxId } = await make(runtime, { command: programs.forever });
      failing.next = true;
      await assert.rejects(runtime.startContainer(id), { reason: 'failed', message: 'not now' });
      assert.deepEqual((await look()).containers, []);
      failing.next = false;
      const config = containerConfig(pod, TEST_IMAGE, { command: programs.forever });
      await runtime.startContainer(await runtime.createContainer(sandboxId, config));
      assert.equal((await look()).containers[0]?.state, 'running');
    });

    it('a port that is gone makes the sandbox unready, and so does an earlier life of the machine', async () => {
      const { runtime, folder } = await openRuntime();
      const { pod, sandboxId, id, look } = await make(runtime, { command: programs.forever });
      await runtime.startContainer(id);
      assert.equal((await look()).sandboxes[0]?.state, 'ready');
      await shell.run('ip', ['link', 'set', 'dev', `veth${sandboxId.slice(0, 11)}`, 'nomaster']);
      assert.deepEqual(
        (await look()).sandboxes.map(({ state, ip }) => [state, ip]),
        [['not-ready', '']],
      );
      const file = join(folder, sandboxId, 'sandbox.json');
      const stored = JSON.parse(await readFile(file, 'utf8'));
      await runtime.stopContainer(id, 0);
      await writeFile(file, JSON.stringify({ ...stored, bootId: 'an earlier life' }));
      const next = await openRuntime({ folder });
      assert.equal((await next.runtime.list({ podUid: pod.uid })).sandboxes[0]?.state, 'not-ready');
      await next.runtime.removeSandbox(sandboxId);
      assert.deepEqual((await next.runtime.list({ podUid: pod.uid })).sandboxes, []);
    });

    it('an agent gives no address that one before it gave', async () => {
      const first = await openRuntime();
      const second = async () => (await openRuntime({ folder: first.folder })).runtime;
      const ips: string[] = [];
      for (const runtime of [first.runtime, first.runtime, await second(), await second()]) {
        const { look } = await make(runtime, { command: ['true'] });
        ips.push((await look()).sandboxes[0]?.ip ?? '');
      }
      assert.equal(new Set(ips).size, ips.length);
    });

    it('what the engine refuses is a start that failed as well', async () => {
      const { runtime } = await openRuntime();
      await runtime.startContainer((await make(runtime, { command: ['true'] })).id);
      const { security } = containerConfig(newPod(), TEST_IMAGE);
      const { id, record, look } = await make(runtime, {
        command: ['true'],
        security: { ...security, user: 'nobody-here' },
      });
      await assert.rejects(runtime.startContainer(id), { reason: 'start-failed', message: /nobody-here/ });
      assert.deepEqual([(await record())?.state, (await record())?.exit?.startFailed], ['exited', true]);
      assert.equal((await look()).sandboxes[0]?.state, 'ready');
    });
  });
}
