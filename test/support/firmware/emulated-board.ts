/**
 * A board on QEMU's virt machine with a card in it: what the firmware of a Raspberry Pi does (take the kernel's command line
 * from the boot partition) is done here, everything after that is the card's. Its power can be cut.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../wait.ts';
import { readBootFile, rootOffsetBytes, run } from './pi-image.ts';

export interface EmulatedBoardOptions {
  /** The card. */
  image: string;
  folder: string;
  /** Each line that is worth seeing while it runs. */
  note(text: string): void;
}

/** Two slow cores, as everything else here shares two. */
const MACHINE = [
  '-M',
  'virt',
  '-cpu',
  'cortex-a72',
  '-smp',
  '2',
  '-m',
  '1024',
  '-accel',
  'tcg,thread=multi,tb-size=512',
];

/** Boards have no battery: each start is in the past. */
const CLOCK = ['-rtc', 'base=2024-01-01T00:00:00'];

/** An emulated board may take minutes for what a board does in seconds; systemd gives up on its disks before that. */
const SLOWNESS = 'systemd.default_timeout_start_sec=1800 systemd.default_device_timeout_sec=1800';

const WORTH_SEEING = /bramble|Bramble|Kernel panic|systemd\[1\]: (Failed|Reached target multi)|login:/;

export class EmulatedBoard {
  readonly #options: EmulatedBoardOptions;
  #machine: ChildProcess | undefined;
  #console = '';
  #log: WriteStream | undefined;
  #starts = 0;

  constructor(options: EmulatedBoardOptions) {
    this.#options = options;
  }

  /** Switches it on; a board that restarts itself stays off, as the card is to be read again. */
  async start(): Promise<void> {
    const { image, folder } = this.#options;
    const [kernel, initrd] = [join(folder, 'vmlinuz'), join(folder, 'initrd.img')];
    if (this.#starts === 0) await this.#readKernel(kernel, initrd);
    this.#starts += 1;
    const card = `file=${image},format=raw,if=none,id=card`;
    const args = [
      ...[...MACHINE, ...CLOCK, '-kernel', kernel, '-initrd', initrd],
      ...['-append', await this.#readCommandLine(), '-drive', card, '-device', 'virtio-blk-pci,drive=card'],
      ...['-netdev', 'user,id=lan', '-device', 'virtio-net-pci,netdev=lan,romfile=', '-device', 'virtio-rng-pci'],
      ...['-serial', 'stdio', '-display', 'none', '-monitor', 'none', '-no-reboot'],
    ];
    const machine = spawn('qemu-system-aarch64', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#console = '';
    this.#log = createWriteStream(join(folder, `console-${this.#starts}.log`));
    let line = '';
    machine.stdout.on('data', (chunk: Buffer) => {
      this.#log?.write(chunk);
      this.#console += chunk.toString();
      const lines = (line + chunk.toString()).split('\n');
      line = lines.pop() ?? '';
      for (const each of lines) if (WORTH_SEEING.test(each)) this.#options.note(`board: ${each.trim()}`);
    });
    this.#machine = machine;
  }

  /** What its serial console has said since it was switched on. */
  get console(): string {
    return this.#console;
  }

  async waitForConsole(pattern: RegExp, timeoutMs: number): Promise<void> {
    await waitFor(`${pattern} on the console`, () => pattern.test(this.#console), timeoutMs);
  }

  /** Resolves when it has restarted itself, or switched itself off. */
  async waitForEnd(timeoutMs: number): Promise<void> {
    await waitFor('the end of the board', () => this.#machine?.exitCode !== null, timeoutMs);
    this.#machine = undefined;
  }

  /** Pulls the plug. Idempotent. */
  async cutPower(): Promise<void> {
    const machine = this.#machine;
    this.#machine = undefined;
    if (machine === undefined || machine.exitCode !== null || machine.signalCode !== null) return;
    const gone = once(machine, 'exit');
    machine.kill('SIGKILL');
    await gone;
  }

  /** A Raspberry Pi's firmware replaces serial0 by the name of the port; the last console is the one that services speak to. */
  async #readCommandLine(): Promise<string> {
    const [line = ''] = (await readBootFile(this.#options.image, 'cmdline.txt')).split('\n');
    const port = line.replace('console=serial0,115200', '').replace('console=tty1', 'console=ttyAMA0,115200').trim();
    return `${port} ${SLOWNESS}`;
  }

  async #readKernel(kernel: string, initrd: string): Promise<void> {
    const root = `${this.#options.image}?offset=${rootOffsetBytes()}`;
    const names = (await run('debugfs', ['-R', 'ls -p /boot', root]))
      .split('\n')
      .map((line) => line.split('/')[5] ?? '');
    for (const [start, path] of [
      ['vmlinuz-', kernel],
      ['initrd.img-', initrd],
    ] as const) {
      const name = names.find((each) => each.startsWith(start));
      if (name === undefined) throw new Error(`the card has no ${start}`);
      await run('debugfs', ['-R', `dump /boot/${name} ${path}`, root]);
    }
  }
}
