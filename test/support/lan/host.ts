/** A host of the test LAN: boots, loses its power, runs programs, and has a Docker engine whose socket is seen from outside. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { waitFor } from '../wait.ts';
import { createCgroup, type MachineCgroup } from './cgroups.ts';
import { createNamespaces, type Namespaces, type Output, run } from './namespaces.ts';
import { type LanSwitch, ROUTER, SEGMENTS, SEGMENTS_V6, type Segment } from './switch.ts';

export interface LanHost {
  readonly number: number;
  /** `host1`, its host name too. */
  readonly name: string;
  /** Its present address on the LAN. */
  readonly address: string;
  /** Its IPv6 address; empty where its segment has none. */
  readonly address6: string;
  /** Files that outlive a loss of power. */
  readonly folder: string;
  /** Of its Docker engine, as seen from outside. */
  readonly socketPath: string;
  readonly cgroup: MachineCgroup;
  run(command: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<Output>;
  /** Output of a program; throws when it fails. */
  output(...command: string[]): Promise<string>;
  /** A program that stays, with pipes to the test. */
  spawn(command: readonly string[]): ChildProcess;
  /** A program that stays; its output goes to `folder/NAME.log`. */
  start(name: string, command: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  log(name: string): Promise<string>;
  /** `docker` against its engine. */
  docker(...args: string[]): Promise<string>;
  /** Power on: namespaces, address, engine; resolves when the engine answers. */
  boot(): Promise<void>;
  /** Power off without a warning. The disk stays. */
  crash(): Promise<void>;
  /** Ends the engine with a signal, and starts it again. */
  killEngine(signal: NodeJS.Signals): Promise<void>;
  startEngine(): Promise<void>;
  /** Gives it another address on its segment: DHCP, a new router. */
  changeAddress(lastOctet: number): Promise<void>;
  stop(): Promise<void>;
}

export interface HostOptions {
  lan: string;
  folder: string;
  number: number;
  segment: Segment;
  ipv6: boolean;
  lanSwitch: LanSwitch;
  engineFlags: readonly string[];
  engineEnv: Readonly<Record<string, string>>;
}

const ENGINE_TIMEOUT_MS = 30_000;

export function createHost(options: HostOptions): LanHost {
  return new Host(options);
}

class Host implements LanHost {
  readonly number: number;
  readonly name: string;
  readonly folder: string;
  readonly cgroup: MachineCgroup;
  readonly #options: HostOptions;
  #lastOctet: number;
  #machine: Namespaces | undefined;
  #engine: ChildProcess | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.number = options.number;
    this.name = `host${options.number}`;
    this.folder = options.folder;
    this.#lastOctet = options.number;
    this.cgroup = createCgroup(options.lan, this.name);
  }

  get address(): string {
    return `${SEGMENTS[this.#options.segment]}.${this.#lastOctet}`;
  }

  get address6(): string {
    const { ipv6, segment } = this.#options;
    const net = SEGMENTS_V6[segment];
    return ipv6 && net !== undefined ? `${net}:${this.number}` : '';
  }

  get socketPath(): string {
    return join(this.folder, 'run/docker.sock');
  }

  run(command: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<Output> {
    return this.#running().run(command, options);
  }

  output(...command: string[]): Promise<string> {
    return this.#running().output(...command);
  }

  start(name: string, command: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    const words = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    const child = this.#running().spawn(['env', ...words, ...command], { stdio: ['ignore', log, log] });
    closeSync(log);
    return child;
  }

  spawn(command: readonly string[]): ChildProcess {
    return this.#running().spawn(command, { stdio: 'pipe' });
  }

  log(name: string): Promise<string> {
    return readFile(join(this.folder, `${name}.log`), 'utf8').catch(() => '');
  }

  async docker(...args: string[]): Promise<string> {
    const { stdout } = await run('docker', ['-H', `unix://${this.socketPath}`, ...args], { maxBuffer: 1e8 });
    return stdout.trim();
  }

  async boot(): Promise<void> {
    const { lanSwitch, segment } = this.#options;
    await mkdir(this.folder, { recursive: true });
    const init = ['host', this.folder, this.name];
    this.#machine = await createNamespaces({ init, cgroups: this.cgroup.files });
    await lanSwitch.plug({ number: this.number, segment, pid: this.#machine.pid });
    await this.#setAddress();
    await this.startEngine();
  }

  async crash(): Promise<void> {
    await this.#machine?.kill();
    this.#machine = undefined;
  }

  async killEngine(signal: NodeJS.Signals): Promise<void> {
    const ended = new Promise((resolve) => this.#engine?.once('exit', resolve));
    // The child here is the nsenter, which has become dockerd's parent: the engine's own pid file says whom to signal.
    await this.output('sh', '-c', `kill -${signal.slice(3)} $(cat /run/docker.pid)`);
    await ended;
  }

  async startEngine(): Promise<void> {
    await this.output('rm', '-f', '/run/docker.pid');
    const flags = ['--bip', `172.30.${this.number}.1/24`, '--cgroup-parent', this.cgroup.containers];
    const driver = ['--exec-opt', 'native.cgroupdriver=cgroupfs'];
    const { engineFlags, engineEnv } = this.#options;
    this.#engine = this.start('dockerd', ['dockerd', ...flags, ...driver, ...engineFlags], engineEnv);
    await waitFor(`the engine of ${this.name} answers`, () => this.#ping(), ENGINE_TIMEOUT_MS).catch(async (error) => {
      throw new Error(`${String(error)}\n${(await this.log('dockerd')).slice(-2000)}`);
    });
  }

  async changeAddress(lastOctet: number): Promise<void> {
    const old = this.address;
    this.#lastOctet = lastOctet;
    await this.output('ip', 'addr', 'del', `${old}/24`, 'dev', 'eth0');
    await this.#setAddress();
  }

  async stop(): Promise<void> {
    await this.crash();
    this.cgroup.remove();
  }

  async #setAddress(): Promise<void> {
    const { segment } = this.#options;
    await this.output('ip', 'addr', 'add', `${this.address}/24`, 'dev', 'eth0');
    await this.output('ip', 'link', 'set', 'eth0', 'up');
    if (this.address6 !== '') await this.output('ip', 'addr', 'replace', `${this.address6}/64`, 'dev', 'eth0', 'nodad');
    await this.output('ip', 'route', 'replace', 'default', 'via', `${SEGMENTS[segment]}.${ROUTER}`);
  }

  #running(): Namespaces {
    if (this.#machine === undefined) throw new Error(`${this.name} is off`);
    return this.#machine;
  }

  #ping(): Promise<boolean> {
    return new Promise((resolve) => {
      const ping = request({ socketPath: this.socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      ping.on('timeout', () => ping.destroy());
      ping.on('error', () => resolve(false));
      ping.end();
    });
  }
}
