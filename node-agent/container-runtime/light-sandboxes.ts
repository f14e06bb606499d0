/**
 * Sandboxes without a container of their own (adapter: a folder each): the one container of the pod holds the namespaces, which
 * saves a board a process, its supervisor and half of each start. What outlives a run of that container is in the folder: who
 * the pod is, its addresses, its hosts and resolv.conf. It is of one life of the machine: namespaces do not outlive that.
 */
import { createHash } from 'node:crypto';
import { access, chmod, constants, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../shared/platform/clock.ts';
import { Gate } from './gate.ts';
import { GATE_PROGRAM, GATE_SOCKET, renderGateBinary } from './gate-binary.ts';
import type { PauseArchitecture } from './pause-binary.ts';
import type { SandboxConfig } from './runtime.ts';
import { writeSandboxFiles } from './sandbox-files.ts';

export interface LightSandbox {
  id: string;
  /** Of its files: see `sandbox-files.ts`. */
  folder: string;
  config: SandboxConfig;
  addresses: readonly string[];
  /** Docker network on whose bridge its port is. */
  network: string;
  createdAtMs: number;
  /** false: it is of an earlier life of the machine. */
  isCurrent: boolean;
}

export interface LightSandboxesOptions {
  /** `<data>/sandboxes` */
  root: string;
  clock: Clock;
}

/** sun_path without its end. Source: unix(7). */
const MAX_SOCKET_PATH_BYTES = 107;

const ID_CHARS = 16;
/** Folder in which is tried what sandboxes need; as long as an id. */
const TRIAL = 'trial'.padEnd(ID_CHARS, '-');

const RECORD = 'sandbox.json';
/** Folder that the container sees. */
const DOORWAY = 'doorway';
/** Why a run's program could not be started, by id of its container. */
const FAILURES = 'failures';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export class LightSandboxes {
  readonly #options: LightSandboxesOptions;
  #known: Promise<Map<string, LightSandbox>> | undefined;
  #isReady = false;

  constructor(options: LightSandboxesOptions) {
    this.#options = options;
  }

  /** Puts the gate's program where sandboxes take it from. Rejects where this machine cannot run it from there. */
  async prepare(architecture: PauseArchitecture): Promise<void> {
    const { root } = this.#options;
    if (Buffer.byteLength(this.doorOf(TRIAL)) > MAX_SOCKET_PATH_BYTES) {
      throw new Error(`${root} is too long a path for the sockets in it`);
    }
    await mkdir(root, { recursive: true, mode: 0o700 });
    // Reading takes folders without a record away, and the one of the trial has none.
    await this.#load();
    const program = renderGateBinary(architecture);
    const present = await readFile(this.#gate).catch(() => undefined);
    if (!present?.equals(program)) await this.#install(program);
    // Also tells of a file system that runs no programs.
    await access(this.#gate, constants.X_OK);
    this.#isReady = true;
  }

  /** Also tells of a file system that has no links or no sockets; its last step is what the next agent finds. */
  async #install(program: Uint8Array): Promise<void> {
    const { root, clock } = this.#options;
    await writeFile(this.#newGate, program);
    await chmod(this.#newGate, 0o755);
    await this.#makeDoorway(TRIAL, this.#newGate);
    await (await Gate.listen(this.doorOf(TRIAL), clock)).close();
    await rm(join(root, TRIAL), { recursive: true });
    await rename(this.#newGate, this.#gate);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Repeated, it answers what stands. */
  async run(config: SandboxConfig, network: string, addresses: readonly string[]): Promise<LightSandbox> {
    const id = renderId(config);
    const known = await this.#load();
    const present = known.get(id);
    if (present?.isCurrent) return present;
    const folder = join(this.#options.root, id);
    await this.#makeDoorway(id, this.#gate);
    await writeSandboxFiles(folder, config, addresses);
    const createdAtMs = this.#options.clock.nowMs();
    const sandbox = { id, folder, config, addresses, network, createdAtMs, isCurrent: true };
    const { isCurrent: _, folder: __, ...record } = sandbox;
    // Last: a folder without it is nothing.
    await writeFile(join(folder, RECORD), JSON.stringify({ ...record, bootId: await readBootId() }), { mode: 0o600 });
    known.set(id, sandbox);
    return sandbox;
  }

  async all(): Promise<LightSandbox[]> {
    return [...(await this.#load()).values()];
  }

  async get(id: string): Promise<LightSandbox | undefined> {
    return (await this.#load()).get(id);
  }

  /** A missing one is fine. */
  async remove(id: string): Promise<void> {
    await rm(join(this.#options.root, id), { recursive: true, force: true });
    (await this.#load()).delete(id);
  }

  doorwayOf(id: string): string {
    return join(this.#options.root, id, DOORWAY);
  }

  doorOf(id: string): string {
    return join(this.doorwayOf(id), nameOf(GATE_SOCKET));
  }

  /** Kept until the sandbox goes. Never rejects: without it the run has ended with the gate's own code. */
  async noteFailure(id: string, containerId: string, message: string): Promise<void> {
    const folder = join(this.#options.root, id, FAILURES);
    await mkdir(folder, { recursive: true })
      .then(() => writeFile(join(folder, containerId), message))
      .catch(() => undefined);
  }

  async failureOf(id: string, containerId: string): Promise<string | undefined> {
    return readFile(join(this.#options.root, id, FAILURES, containerId), 'utf8').catch(() => undefined);
  }

  /** Whatever an earlier attempt left there goes. */
  async #makeDoorway(id: string, gate: string): Promise<void> {
    await rm(join(this.#options.root, id), { recursive: true, force: true });
    await mkdir(this.doorwayOf(id), { recursive: true });
    // Whatever the agent's umask: the container's user goes through it.
    await chmod(this.doorwayOf(id), 0o755);
    await link(gate, join(this.doorwayOf(id), nameOf(GATE_PROGRAM)));
  }

  get #gate(): string {
    return join(this.#options.root, 'gate');
  }

  get #newGate(): string {
    return `${this.#gate}.new`;
  }

  #load(): Promise<Map<string, LightSandbox>> {
    this.#known ??= readAll(this.#options.root).catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The same for a creation that is repeated. */
function renderId({ pod, attempt }: SandboxConfig): string {
  return createHash('sha256').update(`${pod.uid} ${attempt}`).digest('hex').slice(0, ID_CHARS);
}

async function readBootId(): Promise<string> {
  return (await readFile(BOOT_ID, 'utf8')).trim();
}

async function readAll(root: string): Promise<Map<string, LightSandbox>> {
  const bootId = await readBootId();
  const names = await readdir(root, { withFileTypes: true }).catch(() => []);
  const folders = names.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const found = await Promise.all(folders.map((id) => readOne(root, id, bootId)));
  return new Map(found.flatMap((sandbox) => (sandbox === undefined ? [] : [[sandbox.id, sandbox]])));
}

/** What broke off half-way was never answered for: it goes. */
async function readOne(root: string, id: string, bootId: string): Promise<LightSandbox | undefined> {
  const folder = join(root, id);
  try {
    const { bootId: own, ...record } = JSON.parse(await readFile(join(folder, RECORD), 'utf8'));
    return { ...record, id, folder, isCurrent: own === bootId };
  } catch (error) {
    const isHalf =
      error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT');
    if (!isHalf) throw error;
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}
