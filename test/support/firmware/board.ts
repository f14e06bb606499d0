/** A board as a folder: its boot partition, its root, and programs that do to them what the real ones do. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPTS = fileURLToPath(new URL('../../../firmware-scripts/first-boot/', import.meta.url));
const UNIT = fileURLToPath(new URL('../../../firmware-scripts/systemd/bramble-firstboot.service', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('./board-programs.sh', import.meta.url));

/** Present on every system; the others appear when they are installed. */
const ALWAYS = [
  'getconf',
  'ip',
  'df',
  'date',
  'apt-get',
  'systemctl',
  'hostname',
  'timedatectl',
  'sleep',
  'sync',
  'docker',
];

/** What makes a user, of which a test must not make any on its machine. */
const FOR_FIRST_START = ['getent', 'useradd', 'usermod', 'groupmod', 'install'];

/** A gigabyte file of real programs would only make the tests slow. */
const BUNDLE_FILES: Readonly<Record<string, string>> = {
  VERSION: '1.2.3\n',
  'bin/bramble': '#!/bin/sh\necho right-token\n',
  'update.sh': '#!/bin/bash\n',
  'systemd/bramble-agent.service': '[Service]\n',
  'systemd/bramble-master.service': '[Service]\n',
};

/** Source: systemd-run-generator(8). */
const STARTED_BY_KERNEL =
  ' systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot systemd.run_failure_action=reboot systemd.unit=kernel-command-line.target';

export type Lack = '64-bit' | 'network' | 'room' | 'packages' | 'master' | 'memory-cgroup' | 'approval';

export interface BoardOptions {
  role?: 'master' | 'agent';
  token?: string;
  lacks?: readonly Lack[];
  wifi?: string;
  master?: string;
  /** Container images that the card brings along. */
  preload?: boolean;
}

export class Board {
  readonly folder: string;
  /** What its first boots have said, which goes to the journal and to the console. */
  log = '';

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make({
    role = 'agent',
    token = 'right-token',
    lacks = [],
    wifi = '',
    master = 'pi.local',
    preload = false,
  }: BoardOptions = {}): Promise<Board> {
    const board = new Board(await mkdtemp(join(tmpdir(), 'bramble-board-')));
    const settings = `role=${role}\nhostname=shed\nuser=ada\ntimezone=Etc/UTC\nmaster=${master}\nwifi_ssid=${wifi}\nwifi_country=\n`;
    await board.write('root/boot/firmware/bramble/board.conf', settings);
    await board.write('root/boot/firmware/bramble/flashed-at', '1795000000\n');
    if (role === 'agent') await board.write('root/boot/firmware/bramble/token', `${token}\n`);
    if (preload) await board.write('root/boot/firmware/bramble/images/1.tar', 'layers\n');
    await board.write('root/boot/firmware/network-config', 'wifis:\n  password: "geheim"\n');
    await board.write('root/boot/firmware/cmdline.txt', 'root=PARTUUID=1-02 rootwait resize\n');
    await board.write(
      'root/etc/fstab',
      'PARTUUID=1-02  /  ext4  defaults  0  1\nPARTUUID=1-01  /boot/firmware  vfat  defaults  0  2\n',
    );
    await mkdir(join(board.folder, 'root/etc/systemd/system'), { recursive: true });
    await mkdir(join(board.folder, 'root/var'), { recursive: true });
    await board.write('clock', '1700000000\n');
    await board.#install();
    await board.setLacks(lacks);
    return board;
  }

  async setLacks(lacks: readonly Lack[]): Promise<void> {
    await this.write('lacks', lacks.map((each) => `${each}\n`).join(''));
    const controllers = lacks.includes('memory-cgroup') ? 'cpu io\n' : 'cpu io memory\n';
    await this.write('root/sys/fs/cgroup/cgroup.controllers', controllers);
  }

  async #install(): Promise<void> {
    await mkdir(join(this.folder, 'bin'));
    await chmod(PROGRAMS, 0o755);
    await Promise.all(ALWAYS.map((name) => symlink(PROGRAMS, join(this.folder, 'bin', name))));
    for (const [path, text] of Object.entries(BUNDLE_FILES)) await this.write(`bundle/${path}`, text);
    await chmod(join(this.folder, 'bundle/bin/bramble'), 0o755);
    const archive = join(this.folder, 'root/boot/firmware/bramble/bundle.tar.gz');
    await this.#spawn('tar', ['--mtime=@0', '-czf', archive, '-C', this.folder, 'bundle']);
    const hash = createHash('sha256')
      .update(await readFile(archive))
      .digest('hex');
    await this.write('root/boot/firmware/bramble/bundle.sha256', `${hash}  bundle.tar.gz\n`);
  }

  /** Runs the first boot; the power fails at the given call of a program. Undefined: it was killed. */
  async boot(cutAt?: number): Promise<number | undefined> {
    await this.write('cut-at', cutAt === undefined ? '' : String(cutAt));
    return this.#spawn('bash', [join(SCRIPTS, 'firstboot.sh'), '--root', join(this.folder, 'root')]);
  }

  /** Gives the card what `bramble flash` puts there for systems without cloud-init; `firstUser` is the image's own. */
  async prepareFirstStart({ firstUser = '' }: { firstUser?: string } = {}): Promise<void> {
    const boot = 'root/boot/firmware';
    await copyFile(join(SCRIPTS, 'firstrun.sh'), join(this.folder, boot, 'firstrun.sh'));
    await this.write(`${boot}/cmdline.txt`, `root=PARTUUID=1-02 rootwait${STARTED_BY_KERNEL}\n`);
    await this.write(`${boot}/bramble/authorized_keys`, 'ssh-ed25519 AAAA ada@laptop\n');
    await this.write(`${boot}/bramble/wifi.nmconnection`, '[wifi-security]\npsk=geheim\n');
    await copyFile(UNIT, join(this.folder, boot, 'bramble/bramble-firstboot.service'));
    await this.write('root/etc/hosts', '127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n');
    await mkdir(join(this.folder, 'root/etc/sudoers.d'), { recursive: true });
    await this.write('users', firstUser);
    await Promise.all(FOR_FIRST_START.map((name) => symlink(PROGRAMS, join(this.folder, 'bin', name))));
  }

  /** What the kernel's command line starts before anything else; the power fails at the given call. */
  async firstStart(cutAt?: number): Promise<number | undefined> {
    await this.write('cut-at', cutAt === undefined ? '' : String(cutAt));
    const root = join(this.folder, 'root');
    return this.#spawn('bash', [join(root, 'boot/firmware/firstrun.sh'), '--root', root]);
  }

  /** What DietPi runs at the end of its own first boot. */
  async dietpiScript(): Promise<number | undefined> {
    await this.write('cut-at', '');
    return this.#spawn('bash', [join(SCRIPTS, 'dietpi-custom.sh'), '--root', join(this.folder, 'root')]);
  }

  /** Whether the next start runs it again. */
  async isFirstStart(): Promise<boolean> {
    return (await this.read('root/boot/firmware/cmdline.txt')).includes('systemd.run=');
  }

  #spawn(program: string, args: readonly string[]): Promise<number | undefined> {
    const env = {
      PATH: `${join(this.folder, 'bin')}:/usr/bin:/bin`,
      BOARD: this.folder,
      BRAMBLE_NETWORK_PATIENCE: '3',
      BRAMBLE_JOIN_PATIENCE: '4',
    };
    const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.log += chunk.toString();
      });
    }
    return new Promise((resolve) => child.on('close', (code) => resolve(code ?? undefined)));
  }

  async write(path: string, text: string): Promise<void> {
    const whole = join(this.folder, path);
    await mkdir(dirname(whole), { recursive: true });
    await writeFile(whole, text);
  }

  /** Empty where there is none. */
  async read(path: string): Promise<string> {
    return readFile(join(this.folder, path), 'utf8').catch(() => '');
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  /** Every file of the board with its text: what two runs are compared by. */
  async files(): Promise<Record<string, string>> {
    const entries = await readdir(join(this.folder, 'root'), { recursive: true, withFileTypes: true });
    const found: Record<string, string> = {};
    for (const entry of entries.filter((each) => each.isFile() || each.isSymbolicLink())) {
      const path = join(entry.parentPath, entry.name);
      found[path.slice(this.folder.length)] = entry.isFile() ? await readFile(path, 'latin1') : 'link';
    }
    return found;
  }

  status(): Promise<string> {
    return this.read('root/boot/firmware/bramble/status.txt');
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
