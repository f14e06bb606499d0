/** The Docker adapter under the contract, on a real engine, and what only Docker has to show: limits, terminals, faults. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import { PAUSE_IMAGE } from '../../node-agent/container-runtime/pause-image.ts';
import { sleep, systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { hasDocker, startTestEngine, TEST_IMAGE, type TestEngine } from '../support/docker.ts';
import { programs, until } from './busybox-programs.ts';
import { containerConfig, describeRuntime, LOG_ONCE, textOf } from './runtime-contract.ts';

let engine: TestEngine | undefined;
const node = `contract-${process.pid}`;

async function openRuntime(name = node): Promise<DockerRuntime> {
  engine ??= await startTestEngine();
  return new DockerRuntime({ socketPath: engine.socketPath, node: name, clock: systemClock, logger: silentLogger });
}

if (await hasDocker()) {
  after(async () => {
    const ids = (await engine?.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${node}`)) ?? '';
    if (ids !== '') await engine?.docker('rm', '-f', ...ids.split('\n'));
    await engine?.stop();
  });
  describeRuntime('docker', async () => {
    const runtime = await openRuntime();
    return { runtime, neighbour: await openRuntime(`${node}-neighbour`), programs, until };
  });
  describe('docker: beyond the contract', () => {
    const pod = { namespace: 'default', name: 'beyond', uid: `uid-beyond-${process.pid}` };
    const sandbox = {
      pod,
      attempt: 0,
      hostname: 'beyond',
      domainname: '',
      hostNetwork: false,
      hostPid: false,
      hostIpc: false,
      ports: [],
      dns: { servers: ['192.0.2.53'], searches: ['example.test'], options: ['ndots:5'] },
      hostAliases: [{ ip: '192.0.2.7', hostnames: ['alias.test'] }],
      sysctls: {},
      annotations: {},
    };
    const start = async (
      over: Parameters<typeof containerConfig>[2],
    ): Promise<{ runtime: DockerRuntime; id: string }> => {
      const runtime = await openRuntime();
      const sandboxId = await runtime.runSandbox(sandbox);
      const id = await runtime.createContainer(sandboxId, containerConfig(pod, TEST_IMAGE, over));
      await runtime.startContainer(id);
      return { runtime, id };
    };

    it('makes its sandbox image itself, for the right CPU', async () => {
      const runtime = await openRuntime();
      await runtime.runSandbox(sandbox);
      const image = await runtime.imageStatus(PAUSE_IMAGE);
      assert.equal(image?.architecture, (await runtime.info()).architecture);
      assert.ok(image.sizeBytes < 10_000);
    });

    it('keeps all names of an image that a container uses', async () => {
      const { runtime, id } = await start({ name: 'names', command: programs.forever });
      const imageId =
        (await runtime.list({ podUid: pod.uid })).containers.find((item) => item.id === id)?.imageId ?? '';
      const other = `bramble-test/other-name:${process.pid}`;
      await engine?.docker('tag', imageId, other);
      await assert.rejects(runtime.removeImage(imageId), { reason: 'conflict' });
      for (const name of [TEST_IMAGE, other]) assert.ok(await runtime.imageStatus(name), name);
      await engine?.docker('rmi', other);
    });

    it('enforces limits by cgroups', async () => {
      const resources = { cpuShares: 204, cpuLimitMillis: 250, memoryLimitBytes: 32 << 20, oomScoreAdj: -997 };
      const { id } = await start({ name: 'limits', command: programs.forever, resources });
      const format = '{{json .HostConfig}}';
      const host = JSON.parse((await engine?.docker('inspect', '-f', format, id)) ?? '{}');
      assert.deepEqual(
        [host.CpuShares, host.CpuQuota, host.CpuPeriod, host.Memory, host.MemorySwap],
        [204, 25_000, 100_000, 32 << 20, 32 << 20],
      );
    });

    it('reports a container that the kernel killed for memory', async () => {
      const resources = { cpuShares: 2, cpuLimitMillis: 0, memoryLimitBytes: 16 << 20, oomScoreAdj: 0 };
      const hog = ['sh', '-c', 'x=a; while :; do x=$x$x; done'];
      const runtime = await openRuntime();
      const listening = new AbortController();
      const heard = (async () => {
        for await (const _ of runtime.events(listening.signal));
      })();
      const { id } = await start({ name: 'hog', command: hog, resources });
      const record = async () => (await runtime.list({ podUid: pod.uid })).containers.find((item) => item.id === id);
      // The engine may hear of the end before it hears of its reason.
      await until(async () => (await record())?.exit?.oomKilled === true);
      listening.abort();
      await heard.catch(() => undefined);
    });

    it('shares the network, and gives resolver, hosts and hostname of the sandbox', async () => {
      const command = ['sh', '-c', 'hostname; grep -c alias.test /etc/hosts; cat /etc/resolv.conf'];
      const { runtime, id } = await start({ name: 'network', command });
      await until(async () => (await textOf(runtime.logs(id, LOG_ONCE))).includes('ndots'));
      const text = await textOf(runtime.logs(id, LOG_ONCE));
      assert.match(text, /^beyond\n1\n/);
      assert.match(text, /nameserver 192\.0\.2\.53/);
      assert.match(text, /search example\.test/);
    });

    it('keeps stdout and stderr apart, and takes input until its end', async () => {
      const { runtime, id } = await start({ name: 'streams', command: programs.forever });
      const session = await runtime.exec(id, {
        command: ['sh', '-c', 'cat; echo problem >&2'],
        stdin: true,
        tty: false,
      });
      await session.write(Buffer.from('typed\n'));
      session.endInput();
      const streams: Record<string, string> = { stdout: '', stderr: '' };
      for await (const { stream, bytes } of session.output) streams[stream] += Buffer.from(bytes).toString();
      assert.deepEqual(streams, { stdout: 'typed\n', stderr: 'problem\n' });
      assert.equal(await session.exitCode(), 0);
    });

    it('gives a terminal of the wanted size', async () => {
      const { runtime, id } = await start({ name: 'terminal', command: programs.forever });
      const session = await runtime.exec(id, { command: ['sh'], stdin: true, tty: true });
      await session.resize(120, 40);
      await session.write(Buffer.from('stty size; exit 5\n'));
      assert.match(await textOf(session.output), /40 120/);
      assert.equal(await session.exitCode(), 5);
    });

    it('carries a megabyte through a slow reader unharmed', async () => {
      const { runtime, id } = await start({ name: 'flood', command: programs.forever });
      const command = ['sh', '-c', 'dd if=/dev/zero bs=1024 count=1024 2>/dev/null'];
      const session = await runtime.exec(id, { command, stdin: false, tty: false });
      let total = 0;
      for await (const { bytes } of session.output) {
        total += bytes.length;
        await sleep(systemClock, 0);
      }
      assert.equal(total, 1024 * 1024);
    });

    it('attaches to the program itself', async () => {
      const command = ['sh', '-c', 'read line; echo "got $line"'];
      const { runtime, id } = await start({ name: 'attach', command, stdin: true });
      const stream = await runtime.attach(id, { stdin: true });
      await stream.write(Buffer.from('input\n'));
      assert.equal(await textOf(stream.output), 'got input\n');
    });

    it('publishes a host port, and says so when it is taken', async () => {
      const runtime = await openRuntime();
      const port = { containerPort: 8080, hostPort: 38_471, hostIp: '127.0.0.1', protocol: 'TCP' as const };
      const first = { ...pod, name: 'port-a', uid: `uid-port-a-${process.pid}` };
      const second = { ...pod, name: 'port-b', uid: `uid-port-b-${process.pid}` };
      const id = await runtime.runSandbox({ ...sandbox, pod: first, dns: undefined, ports: [port] });
      const refused = runtime.runSandbox({ ...sandbox, pod: second, dns: undefined, ports: [port] });
      await assert.rejects(refused, { reason: 'start-failed' });
      assert.deepEqual((await runtime.list({ podUid: second.uid })).sandboxes, []);
      await runtime.removeSandbox(id);
    });

    it('joins the network of the host', async () => {
      const runtime = await openRuntime();
      const hostPod = { ...pod, name: 'host', uid: `uid-host-${process.pid}` };
      const id = await runtime.runSandbox({
        ...sandbox,
        pod: hostPod,
        dns: undefined,
        hostAliases: [],
        hostNetwork: true,
      });
      const config = containerConfig(hostPod, TEST_IMAGE, { command: programs.forever });
      await runtime.startContainer(await runtime.createContainer(id, config));
      const { sandboxes } = await runtime.list({ podUid: hostPod.uid });
      assert.deepEqual(
        sandboxes.map(({ state, ip }) => ({ state, ip })),
        [{ state: 'ready', ip: '' }],
      );
    });

    it('says what to do when no engine answers', async () => {
      const socketPath = '/nonexistent/docker.sock';
      const runtime = new DockerRuntime({ socketPath, node, clock: systemClock, logger: silentLogger });
      await assert.rejects(runtime.list(), (error: unknown) => {
        assert.ok(error instanceof Error && 'reason' in error && error.reason === 'unavailable');
        assert.match(error.message, /nonexistent\/docker\.sock.*--docker/s);
        return true;
      });
    });
  });
}
