/**
 * A Docker engine and an image for tests. An engine that already answers is used and left alone; otherwise one is started
 * with all its files in a folder of its own, and ended by its own pid. The image is made of busybox-static: no registry.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { renderTar } from '../../node-agent/container-runtime/tar.ts';
import { sleep, systemClock } from '../../shared/platform/clock.ts';

export const TEST_IMAGE = 'bramble-test/busybox:1';

const DEFAULT_SOCKET = '/run/docker.sock';
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

export interface TestEngine {
  socketPath: string;
  /** `docker` on this engine; returns what it printed. */
  docker(...args: string[]): Promise<string>;
  /** Ends the engine if this test started it. Idempotent. */
  stop(): Promise<void>;
  /** Ends the engine process with a signal, to see what happens; undefined when it was not started here. */
  kill: ((signal: NodeJS.Signals) => Promise<void>) | undefined;
  /** Starts the engine that `kill` ended again, on the same files. */
  restart: (() => Promise<void>) | undefined;
}

export interface TestEngineOptions {
  /** Always an engine of one's own, for tests that kill it. */
  isolated?: boolean;
  liveRestore?: boolean;
}

/** Docker has to be installed; tests that want to run without it ask `hasDocker` first. */
export async function startTestEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const candidates = options.isolated ? [] : [process.env['BRAMBLE_TEST_DOCKER'] ?? '', DEFAULT_SOCKET];
  for (const socketPath of candidates.filter((path) => path !== '')) {
    if (await answers(socketPath)) {
      const engine = foundEngine(socketPath);
      await makeTestImage(engine);
      return engine;
    }
  }
  const engine = await startOwnEngine(options);
  try {
    await makeTestImage(engine);
    return engine;
  } catch (error) {
    // Nobody else knows of it: it would outlive the tests, and keep their process alive.
    await engine.stop();
    throw error;
  }
}

export async function hasDocker(): Promise<boolean> {
  return promisify(execFile)('dockerd', ['--version']).then(
    () => true,
    () => false,
  );
}

function foundEngine(socketPath: string): TestEngine {
  return {
    socketPath,
    docker: dockerCli(socketPath),
    stop: async () => undefined,
    kill: undefined,
    restart: undefined,
  };
}

async function startOwnEngine(options: TestEngineOptions): Promise<TestEngine> {
  // Short, because the path of a Unix socket holds 107 bytes at most.
  const folder = mkdtempSync(join(tmpdir(), 'bt-docker-'));
  const socketPath = join(folder, 'docker.sock');
  const bridge = options.isolated ? await makeBridge() : undefined;
  const networkFlags = bridge === undefined ? [] : isolatedNetworkFlags(bridge);
  const start = () => launch(folder, socketPath, [...networkFlags, ...(options.liveRestore ? ['--live-restore'] : [])]);
  let child = await start();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const containerd = readPid(join(folder, 'exec/containerd/containerd.pid'));
    const ended = child.exitCode !== null || child.signalCode !== null;
    const exited = new Promise<void>((resolve) => {
      if (ended) resolve();
      else child.once('exit', () => resolve());
    });
    child.kill(signal);
    await exited;
    // A killed engine takes its containerd along, a moment later; a new one started meanwhile would wait for it in vain.
    while (containerd !== undefined && isAlive(containerd)) await sleep(systemClock, POLL_MS);
  };
  let stopped = false;
  return {
    socketPath,
    docker: dockerCli(socketPath),
    async stop() {
      if (stopped) return;
      stopped = true;
      if (!(await answers(socketPath))) {
        await end('SIGKILL');
        child = await start();
      }
      await removeAllContainers(socketPath);
      await end('SIGTERM');
      if (bridge !== undefined) await promisify(execFile)('ip', ['link', 'delete', bridge]);
      await unmountBelow(folder);
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: POLL_MS });
    },
    kill: end,
    restart: async () => {
      child = await start();
    },
  };
}

/** A process may have several engines of its own. */
let bridges = 0;

/** A bridge with a range of its own: two engines on docker0 would give the same addresses twice. */
async function makeBridge(): Promise<string> {
  bridges += 1;
  const number = (process.pid + bridges * 83) % 250;
  const name = `bt-b${process.pid}x${bridges}`;
  const ip = (...args: string[]) => promisify(execFile)('ip', args);
  await ip('link', 'add', name, 'type', 'bridge');
  await ip('address', 'add', `10.198.${number}.1/24`, 'dev', name);
  await ip('link', 'set', name, 'up');
  return name;
}

/** Leaves the machine's packet filter to the other engine: each would remove the other's rules. */
function isolatedNetworkFlags(bridge: string): string[] {
  return ['--bridge', bridge, '--iptables=false', '--ip6tables=false', '--ip-masq=false'];
}

/** An engine that was killed leaves mounts that its successor does not know. */
async function unmountBelow(folder: string): Promise<void> {
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const point of points
    .filter((path) => path.startsWith(`${folder}/`))
    .sort()
    .reverse()) {
    await promisify(execFile)('umount', [point]);
  }
}

function readPid(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function launch(folder: string, socketPath: string, flags: readonly string[]) {
  const path = (name: string): string => join(folder, name);
  mkdirSync(path('data'), { recursive: true });
  const log = openSync(path('dockerd.log'), 'a');
  const args = [
    ...['--host', `unix://${socketPath}`, '--data-root', path('data'), '--exec-root', path('exec')],
    ...['--pidfile', path('dockerd.pid'), '--config-file', path('daemon.json')],
    ...flags,
  ];
  writeFileSync(path('daemon.json'), '{}');
  const child = spawn('dockerd', args, { stdio: ['ignore', log, log] });
  const deadline = systemClock.monotonicMs() + START_TIMEOUT_MS;
  while (!(await answers(socketPath))) {
    if (child.exitCode !== null || systemClock.monotonicMs() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`dockerd did not start:\n${readFileSync(path('dockerd.log'), 'utf8').slice(-2000)}`);
    }
    await sleep(systemClock, POLL_MS);
  }
  return child;
}

/** Whether an engine answers a ping on that socket. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.end();
  });
}

function dockerCli(socketPath: string): TestEngine['docker'] {
  return async (...args) => {
    const { stdout } = await promisify(execFile)('docker', ['-H', `unix://${socketPath}`, ...args]);
    return stdout.trim();
  };
}

async function removeAllContainers(socketPath: string): Promise<void> {
  const docker = dockerCli(socketPath);
  const ids = await docker('ps', '-aq').catch(() => '');
  if (ids !== '') await docker('rm', '-f', ...ids.split('\n')).catch(() => undefined);
}

/** `bramble-test/busybox:1`: one layer with /bin/busybox and a link a command. Made once an engine. */
export async function makeTestImage(engine: Pick<TestEngine, 'docker'>): Promise<void> {
  const present = await engine.docker('images', '-q', TEST_IMAGE);
  if (present !== '') return;
  const files = [{ name: 'bin/busybox', mode: 0o755, bytes: readFileSync(findBusybox()) }];
  const folder = mkdtempSync(join(tmpdir(), 'bt-image-'));
  try {
    const rootfs = join(folder, 'rootfs.tar');
    writeFileSync(rootfs, renderTar(files));
    await engine.docker('import', rootfs, 'bramble-test/busybox:stage');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  // Links, users and folders are made by busybox itself, in a container that is then committed.
  const id = await engine.docker(
    ...['create', '--network', 'none', 'bramble-test/busybox:stage'],
    ...['/bin/busybox', 'sh', '-c', SETUP],
  );
  try {
    await engine.docker('start', '-a', id);
    const change = 'ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin';
    await engine.docker('commit', '-c', change, '-c', 'CMD ["sh"]', id, TEST_IMAGE);
  } finally {
    await engine.docker('rm', '-f', id);
    await engine.docker('rmi', '-f', 'bramble-test/busybox:stage').catch(() => undefined);
  }
}

const SETUP = [
  '/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin /tmp /root /etc /var/run',
  '/bin/busybox --install -s',
  'chmod 1777 /tmp',
  'echo root:x:0:0:root:/root:/bin/sh > /etc/passwd',
  'echo nobody:x:65534:65534:nobody:/:/bin/sh >> /etc/passwd',
  'echo root:x:0: > /etc/group',
  'echo nogroup:x:65534: >> /etc/group',
].join(' && ');

/** Statically linked: nothing else is in the image. */
export function findBusybox(): string {
  const places = [process.env['BRAMBLE_TEST_BUSYBOX'] ?? '', '/bin/busybox', '/usr/bin/busybox'].filter(
    (path) => path !== '',
  );
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error('there is no busybox: apt-get install busybox-static');
  return found;
}
