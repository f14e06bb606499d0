/** A real cluster on a test LAN: the shipped bundles, the master on the first host, an agent on every host. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { bundlePath, ensureBundles, PROGRAM_FLAGS, programEnv } from '../../../cli/setup/bundles.ts';
import { createTestContext } from '../cluster.ts';
import { findBusybox, makeTestImage } from '../docker.ts';
import { ensureKubectl, ROOT } from '../kubectl.ts';
import { waitFor } from '../wait.ts';
import type { LanHost } from './host.ts';
import { type Lan, type LanOptions, startLan } from './lan.ts';
import type { Output } from './namespaces.ts';

export interface LanCluster {
  lan: Lan;
  /** kubectl as the administrator; throws when it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  apply(manifest: string): Promise<void>;
  json<T>(...args: string[]): Promise<T>;
  /** Runs a program in the network of a pod, by the machine's own busybox. */
  inPod(pod: string, ...command: string[]): Promise<Output>;
  /** Starts one and leaves it running. */
  spawnInPod(pod: string, ...command: string[]): Promise<ChildProcess>;
  startMaster(): void;
  startAgent(number: number, ...args: string[]): Promise<void>;
  /** `bramble agent --uninstall`, once the agent has ended. */
  uninstall(number: number): Promise<void>;
  kill(program: string, signal?: NodeJS.Signals): Promise<void>;
  whenReady(): Promise<void>;
  stop(): Promise<void>;
}

/** One socket that stays open, from the network of a pod. */
export interface Line {
  /** The first answer after it; undefined: none came in time. */
  say(text: string, timeoutMs?: number): Promise<string | undefined>;
  end(): void;
}

const ANSWER_TIMEOUT_MS = 10_000;
const TALKER = [process.execPath, join(import.meta.dirname, 'talker.ts')];

/** Something that answers, in the network of a pod, until the pod goes. */
export async function startServer(cluster: LanCluster, pod: string, ...args: string[]): Promise<void> {
  await cluster.spawnInPod(pod, ...TALKER, ...args);
}

/** `args`: `tcp ADDRESS PORT` or `udp ADDRESS PORT OWN-PORT`. */
export async function openLine(cluster: LanCluster, pod: string, ...args: string[]): Promise<Line> {
  const child = await cluster.spawnInPod(pod, ...TALKER, ...args);
  let heard = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  return {
    async say(text, timeoutMs = ANSWER_TIMEOUT_MS) {
      heard = '';
      child.stdin?.write(`${text}\n`);
      await waitFor('an answer', () => heard.includes('\n'), timeoutMs).catch(() => undefined);
      return heard === '' ? undefined : heard.trim();
    },
    end: () => child.stdin?.end(),
  };
}

const KUBECONFIG = '/var/lib/bramble/admin.kubeconfig';
const READY_TIMEOUT_MS = 90_000;

/** As in its systemd unit. */
const MASTER_ENV = { NODE_COMPILE_CACHE: '/var/lib/bramble/code-cache' };

export interface LanClusterOptions extends LanOptions {
  /** Whether pods have addresses of their node's slice; on unless given. */
  network?: 'on' | 'off';
  masterFlags?: readonly string[];
}

export async function startLanCluster(options: LanClusterOptions): Promise<LanCluster> {
  const context = createTestContext();
  await ensureBundles(context, ['master', 'agent']);
  const kubectlPath = await ensureKubectl();
  const lan = await startLan(options);
  const bundle = (program: 'master' | 'agent'): string => bundlePath(context, program);
  const cluster = new Cluster(lan, {
    kubectl: kubectlPath,
    bundle,
    network: options.network ?? 'on',
    masterFlags: options.masterFlags ?? [],
  });
  try {
    cluster.startMaster();
    await Promise.all(lan.hosts.map((host) => makeTestImage(host)));
    await cluster.join();
    return cluster;
  } catch (error) {
    const logs = await Promise.all(lan.hosts.flatMap((host) => ['master', 'agent'].map((name) => host.log(name))));
    await lan.stop();
    throw new Error(`the cluster on the LAN did not start:\n${logs.map((log) => log.slice(-1500)).join('\n')}`, {
      cause: error,
    });
  }
}

interface ClusterParts {
  /** Path of the program. */
  kubectl: string;
  bundle(program: 'master' | 'agent'): string;
  network: 'on' | 'off';
  masterFlags: readonly string[];
}

interface PlacedPod {
  host: LanHost;
  /** Of a process in its network, as its board numbers it. */
  pid: number;
}

class Cluster implements LanCluster {
  readonly lan: Lan;
  readonly #kubectl: string;
  readonly #bundle: (program: 'master' | 'agent') => string;
  readonly #network: 'on' | 'off';
  readonly #masterFlags: readonly string[];
  readonly #programs = new Map<string, ChildProcess>();
  readonly #pods = new Map<string, PlacedPod>();
  #token = '';

  constructor(lan: Lan, { kubectl, bundle, network, masterFlags }: ClusterParts) {
    this.lan = lan;
    this.#kubectl = kubectl;
    this.#bundle = bundle;
    this.#network = network;
    this.#masterFlags = masterFlags;
  }

  startMaster(): void {
    this.#start(this.lan.host(1), 'master', this.#masterFlags);
  }

  async startAgent(number: number, ...args: string[]): Promise<void> {
    const join = ['--join', this.#token, '--master', this.lan.host(1).address, '--network', this.#network];
    this.#start(this.lan.host(number), 'agent', [...join, ...args]);
  }

  async join(): Promise<void> {
    await waitFor(
      'the API answers',
      async () => (await this.#tryKubectl(['get', 'nodes'])).code === 0,
      READY_TIMEOUT_MS,
    );
    const cli = [process.execPath, join(ROOT, 'cli/main.ts'), 'token', 'create', '--kubeconfig', KUBECONFIG];
    this.#token = (await this.lan.host(1).output(...cli)).trim();
    for (const { number } of this.lan.hosts) await this.startAgent(number);
    await this.whenReady();
  }

  async whenReady(): Promise<void> {
    const count = this.lan.hosts.length;
    const wanted = this.#network === 'on' ? 'TrueFalse' : 'True';
    const path =
      '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{.status.conditions[?(@.type=="NetworkUnavailable")].status} {end}';
    await waitFor(
      'all nodes are ready',
      async () => {
        const shown = await this.kubectl(['get', 'nodes', '-o', `jsonpath=${path}`]);
        return shown.split(' ').filter((word) => word === wanted).length === count;
      },
      READY_TIMEOUT_MS,
    );
  }

  async kubectl(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await this.#tryKubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async apply(manifest: string): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], manifest);
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl([...args, '-o', 'json'])) as T;
  }

  async inPod(pod: string, ...command: string[]): Promise<Output> {
    const { host, pid } = await this.#findPod(pod);
    return host.run(['nsenter', '-t', `${pid}`, '-n', 'timeout', '2', findBusybox(), ...command]);
  }

  async spawnInPod(pod: string, ...command: string[]): Promise<ChildProcess> {
    const { host, pid } = await this.#findPod(pod);
    return host.spawn(['nsenter', '-t', `${pid}`, '-n', ...command]);
  }

  async uninstall(number: number): Promise<void> {
    await this.lan.host(number).output(process.execPath, this.#bundle('agent'), '--uninstall');
  }

  async kill(program: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#programs.get(program);
    if (child === undefined) throw new Error(`${program} does not run`);
    const [kind = '', number = '1'] = program.split(' ');
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await this.lan.host(Number(number)).output('sh', '-c', `kill -${signal.slice(3)} $(cat /run/${kind}.pid)`);
    await ended;
    this.#programs.delete(program);
  }

  stop(): Promise<void> {
    return this.lan.stop();
  }

  #start(host: LanHost, program: 'master' | 'agent', args: readonly string[]): void {
    const words = [process.execPath, ...PROGRAM_FLAGS[program], this.#bundle(program), ...args];
    // exec keeps the number that the shell writes down.
    const child = host.start(program, ['sh', '-c', `echo $$ >/run/${program}.pid; exec "$@"`, 'sh', ...words], {
      ...programEnv(program),
      ...(program === 'master' ? MASTER_ENV : {}),
    });
    this.#programs.set(`${program} ${host.number}`, child);
  }

  #tryKubectl(args: readonly string[], input = ''): Promise<Output> {
    return this.lan.host(1).run([this.#kubectl, '--kubeconfig', KUBECONFIG, ...args], { input });
  }

  /** Pods of tests have names of their own: a found one stays where it is. */
  async #findPod(pod: string): Promise<PlacedPod> {
    const known = this.#pods.get(pod) ?? (await this.#lookForPod(pod));
    this.#pods.set(pod, known);
    return known;
  }

  async #lookForPod(pod: string): Promise<PlacedPod> {
    for (const host of this.lan.hosts) {
      const filter = ['--filter', `label=io.kubernetes.pod.name=${pod}`];
      const [id] = (await host.docker('ps', '-q', ...filter)).split('\n');
      if (id) return { host, pid: Number(await host.docker('inspect', '-f', '{{.State.Pid}}', id)) };
    }
    throw new Error(`no host runs the pod ${pod}`);
  }
}
