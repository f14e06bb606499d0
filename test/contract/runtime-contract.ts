/** What the kubelet relies on in every container runtime. Run on the Docker engine and on the simulation's fake. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ContainerConfig,
  type ContainerRuntime,
  type LogChunk,
  RuntimeError,
  type SandboxConfig,
} from '../../node-agent/container-runtime/runtime.ts';

/** Programs in the words of the implementation's image. */
export interface Programs {
  image: string;
  /** Runs until it is stopped, and ends at SIGTERM. */
  forever: string[];
  /** Prints the line and ends with the code. */
  print(line: string, exitCode: number): string[];
  /** Cannot be started. */
  missing: string[];
}

export interface RuntimeFixture {
  runtime: ContainerRuntime;
  /** A runtime for another node on the same engine; undefined where an engine serves one node. */
  neighbour: ContainerRuntime | undefined;
  programs: Programs;
  /** Of all sandboxes. */
  sandbox?: Partial<SandboxConfig>;
  /** Waits until `check` holds. */
  until(check: () => Promise<boolean>): Promise<void>;
}

let podCount = 0;

export function newPod(): SandboxConfig['pod'] {
  podCount += 1;
  return { namespace: 'default', name: `contract-${podCount}`, uid: `uid-${process.pid}-${podCount}` };
}

export function sandboxConfig(pod: SandboxConfig['pod'], over: Partial<SandboxConfig> = {}): SandboxConfig {
  return {
    pod,
    attempt: 0,
    hostname: pod.name,
    domainname: '',
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    ports: [],
    dns: undefined,
    hostAliases: [],
    sysctls: {},
    annotations: { 'example.com/sandbox': 'kept' },
    ...over,
  };
}

export function containerConfig(
  pod: SandboxConfig['pod'],
  image: string,
  over: Partial<ContainerConfig> = {},
): ContainerConfig {
  return {
    pod,
    name: 'main',
    attempt: 0,
    image,
    command: undefined,
    args: undefined,
    workingDir: undefined,
    env: [],
    mounts: [],
    resources: { cpuShares: 2, cpuLimitMillis: 0, memoryLimitBytes: 0, oomScoreAdj: 0 },
    security: {
      user: undefined,
      supplementalGroups: [],
      privileged: false,
      readOnlyRootFilesystem: false,
      allowPrivilegeEscalation: true,
      addCapabilities: [],
      dropCapabilities: [],
      seccompProfile: undefined,
      appArmorProfile: undefined,
    },
    tty: false,
    stdin: false,
    stdinOnce: false,
    hash: 'hash-1',
    annotations: { 'example.com/container': 'kept' },
    pidMode: 'container',
    pidTarget: undefined,
    stopSignal: undefined,
    devices: [],
    ...over,
  };
}

export async function textOf(chunks: AsyncIterable<LogChunk>): Promise<string> {
  let text = '';
  for await (const { bytes } of chunks) text += Buffer.from(bytes).toString();
  return text;
}

export const LOG_ONCE = {
  follow: false,
  timestamps: false,
  tailLines: undefined,
  sinceMs: undefined,
  signal: new AbortController().signal,
};

/** `open` is called once, when the first test runs. */
export function describeRuntime(name: string, open: () => Promise<RuntimeFixture>): void {
  let opened: Promise<RuntimeFixture> | undefined;
  const fixture = (): Promise<RuntimeFixture> => {
    opened ??= open();
    return opened;
  };
  const running = async (over: Partial<ContainerConfig> = {}) => {
    const { runtime, programs, until, sandbox } = await fixture();
    const pod = newPod();
    const sandboxId = await runtime.runSandbox(sandboxConfig(pod, sandbox));
    const config = containerConfig(pod, programs.image, { command: programs.forever, ...over });
    const id = await runtime.createContainer(sandboxId, config);
    const record = async () => (await runtime.list({ podUid: pod.uid })).containers.find((item) => item.id === id);
    const ended = () => until(async () => (await record())?.state === 'exited');
    return { runtime, programs, until, pod, sandboxId, config, id, record, ended };
  };

  describe(`${name}: the runtime contract`, () => {
    it('tells what it is', async () => {
      const info = await (await fixture()).runtime.info();
      assert.equal(info.operatingSystem, 'linux');
      assert.match(info.architecture, /^(amd64|arm64)$/);
      assert.notEqual(info.version, '');
    });

    it('lists a sandbox with its address and annotations', async () => {
      const { runtime, pod, sandboxId } = await running();
      const { sandboxes } = await runtime.list({ podUid: pod.uid });
      assert.equal(sandboxes.length, 1);
      assert.deepEqual(
        { ...sandboxes[0], createdAtMs: 0, ip: '' },
        {
          ...{ id: sandboxId, pod, attempt: 0, state: 'ready', createdAtMs: 0, ip: '' },
          annotations: { 'example.com/sandbox': 'kept' },
        },
      );
      assert.match(sandboxes[0]?.ip ?? '', /^\d+\.\d+\.\d+\.\d+$/);
    });

    it('lists a container through its life', async () => {
      const { runtime, id, record, config, sandboxId } = await running();
      const created = await record();
      assert.equal(created?.state, 'created');
      assert.equal(created.startedAtMs, undefined);
      assert.deepEqual([created.hash, created.sandboxId, created.image], [config.hash, sandboxId, config.image]);
      assert.deepEqual(created.annotations, { 'example.com/container': 'kept' });
      await runtime.startContainer(id);
      const started = await record();
      assert.equal(started?.state, 'running');
      assert.ok(started.startedAtMs !== undefined);
      await runtime.stopContainer(id, 5);
      const stopped = await record();
      assert.equal(stopped?.state, 'exited');
      assert.ok(stopped.exit !== undefined && stopped.exit.finishedAtMs >= started.startedAtMs);
      await runtime.removeContainer(id);
      assert.equal(await record(), undefined);
    });

    it('keeps the exit code and the log of an ended container', async () => {
      const { programs } = await fixture();
      const { runtime, id, record, ended } = await running({ command: programs.print('hello', 3) });
      await runtime.startContainer(id);
      await ended();
      assert.equal((await record())?.exit?.code, 3);
      assert.equal((await record())?.exit?.startFailed, false);
      assert.equal(await textOf(runtime.logs(id, LOG_ONCE)), 'hello\n');
    });

    it('reports a program that cannot be started, and the container as ended', async () => {
      const { programs } = await fixture();
      const { runtime, id, record } = await running({ command: programs.missing });
      await assert.rejects(runtime.startContainer(id), { reason: 'start-failed' });
      const failed = await record();
      assert.equal(failed?.state, 'exited');
      assert.deepEqual([failed.exit?.startFailed, failed.exit?.code], [true, 128]);
      assert.notEqual(failed.exit?.message, '');
    });

    it('makes the same sandbox and container once', async () => {
      const { runtime, pod, sandboxId, config, id } = await running();
      const { sandbox } = await fixture();
      assert.equal(await runtime.runSandbox(sandboxConfig(pod, sandbox)), sandboxId);
      assert.equal(await runtime.createContainer(sandboxId, config), id);
      const listing = await runtime.list({ podUid: pod.uid });
      assert.deepEqual([listing.sandboxes.length, listing.containers.length], [1, 1]);
    });

    it('starts and stops twice without complaint', async () => {
      const { runtime, id } = await running();
      await runtime.startContainer(id);
      await runtime.startContainer(id);
      await runtime.stopContainer(id, 1);
      await runtime.stopContainer(id, 1);
    });

    it('takes what is missing for removed', async () => {
      const { runtime } = await fixture();
      await runtime.removeContainer('no-such-container');
      await runtime.removeSandbox('no-such-sandbox');
      await runtime.stopContainer('no-such-container', 1);
    });

    it('says which image is missing', async () => {
      const { runtime, pod, sandboxId } = await running();
      assert.equal(await runtime.imageStatus('bramble-test/absent:1'), undefined);
      const config = containerConfig(pod, 'bramble-test/absent:1', { name: 'other' });
      await assert.rejects(runtime.createContainer(sandboxId, config), { reason: 'image-not-found' });
    });

    it('ends the containers of a removed sandbox and keeps them for their logs', async () => {
      const { runtime, id, sandboxId, pod, ended } = await running();
      await runtime.startContainer(id);
      await runtime.removeSandbox(sandboxId);
      await ended();
      const listing = await runtime.list({ podUid: pod.uid });
      assert.deepEqual([listing.sandboxes.length, listing.containers.length], [0, 1]);
    });

    it('runs commands and tells their exit code', async () => {
      const { programs } = await fixture();
      const { runtime, id } = await running();
      await runtime.startContainer(id);
      const session = await runtime.exec(id, { command: programs.print('from exec', 7), stdin: false, tty: false });
      assert.equal(await textOf(session.output), 'from exec\n');
      assert.equal(await session.exitCode(), 7);
    });

    it('hints at changes while somebody listens', async () => {
      const { runtime, id, pod, until } = await running();
      const abort = new AbortController();
      const seen: string[] = [];
      const listening = (async () => {
        for await (const hint of runtime.events(abort.signal)) seen.push(hint.podUid);
      })();
      await until(async () => {
        await runtime.startContainer(id);
        await runtime.stopContainer(id, 0);
        return seen.includes(pod.uid);
      });
      abort.abort();
      await listening;
    });

    it('follows a log until the container ends', async () => {
      const { runtime, id } = await running();
      await runtime.startContainer(id);
      const reading = textOf(runtime.logs(id, { ...LOG_ONCE, follow: true }));
      await runtime.stopContainer(id, 0);
      await reading;
    });

    it('ends a followed log when the reader goes away', async () => {
      const { runtime, id } = await running();
      await runtime.startContainer(id);
      const abort = new AbortController();
      const reading = textOf(runtime.logs(id, { ...LOG_ONCE, follow: true, signal: abort.signal }));
      abort.abort();
      await reading;
    });

    it('tells what running containers use, and nothing of others', async () => {
      const { runtime, id, until } = await running();
      assert.deepEqual(await runtime.stats(['no-such-container']), []);
      await runtime.startContainer(id);
      await until(async () => ((await runtime.stats([id]))[0]?.workingSetBytes ?? 0) > 0);
    });

    it('keeps an image that a container uses', async () => {
      const { runtime, programs, record } = await running();
      const isConflict = (error: unknown): boolean => error instanceof RuntimeError && error.reason === 'conflict';
      await assert.rejects(runtime.removeImage((await record())?.imageId ?? ''), isConflict);
      assert.ok(await runtime.imageStatus(programs.image));
    });

    it("sees only its own node's pods", async () => {
      const { neighbour } = await fixture();
      if (neighbour === undefined) return;
      const { pod } = await running();
      const listing = await neighbour.list({ podUid: pod.uid });
      assert.deepEqual(listing, { sandboxes: [], containers: [] });
    });

    it('fails with typed errors only', async () => {
      const { runtime } = await fixture();
      await assert.rejects(runtime.startContainer('no-such-container'), RuntimeError);
      await assert.rejects(
        runtime.exec('no-such-container', { command: ['x'], stdin: false, tty: false }),
        RuntimeError,
      );
    });
  });
}
