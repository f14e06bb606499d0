/** An installation of Bramble as a folder, and bundles for it: updated by the real script, with the power failing where a test wants it. */
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './pi-image.ts';

const SCRIPT = fileURLToPath(new URL('../../../firmware-scripts/update/update.sh', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('./update-programs.sh', import.meta.url));

/** Each call of these is a point at which the power may fail. */
const CUT_POINTS = [
  'tar',
  'sha256sum',
  'sync',
  'mv',
  'ln',
  'rm',
  'mkdir',
  'install',
  'cmp',
  'df',
  'systemctl',
  'systemd-run',
];

export interface Ended {
  /** Undefined: the power failed. */
  code: number | undefined;
  output: string;
}

export class Installation {
  readonly folder: string;
  readonly root: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.root = join(folder, 'opt/bramble');
  }

  /** Runs version 1.0.0. */
  static async make(): Promise<Installation> {
    const made = new Installation(await mkdtemp(join(tmpdir(), 'bramble-installation-')));
    await writeVersion(join(made.root, 'versions/1.0.0'), '1.0.0');
    await symlink('versions/1.0.0', join(made.root, 'current'));
    await copyFile(SCRIPT, join(made.root, 'update.sh'));
    await mkdir(join(made.folder, 'units'));
    await mkdir(join(made.folder, 'bin'));
    for (const name of CUT_POINTS) await symlink(PROGRAMS, join(made.folder, 'bin', name));
    return made;
  }

  /** Path of an archive as `npm run bundle` makes them. */
  async makeBundle(version: string, options: { damaged?: boolean; foreign?: boolean } = {}): Promise<string> {
    const tree = join(this.folder, 'bundle', `bramble-${version}`);
    await writeVersion(tree, version, options.foreign);
    if (options.damaged) await writeFile(join(tree, 'LICENSE'), 'not what the list of checksums says');
    const archive = join(this.folder, `bramble-${version}.tar.gz`);
    await run('tar', ['--mtime=@0', '-czf', archive, '-C', dirname(tree), `bramble-${version}`]);
    return archive;
  }

  /** The power fails at the given call of a program. */
  async update(args: readonly string[], cutAt?: number): Promise<Ended> {
    await writeFile(join(this.folder, 'cut-at'), cutAt === undefined ? '' : String(cutAt));
    const env = {
      PATH: `${join(this.folder, 'bin')}:/usr/bin:/bin`,
      BOARD: this.folder,
      BRAMBLE_UNITS: join(this.folder, 'units'),
    };
    const script = join(this.root, 'update.sh');
    const child = spawn('bash', [script, ...args], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? undefined, output })));
  }

  /** Version that runs; throws when the link leads nowhere or to half a version. */
  async current(): Promise<string> {
    const target = join(this.root, await readlink(join(this.root, 'current')));
    await run('sh', ['-c', `cd '${target}' && sha256sum --check --quiet SHA256SUMS`]);
    return (await readFile(join(target, 'VERSION'), 'utf8')).trim();
  }

  async status(): Promise<Record<string, string>> {
    const { output } = await this.update(['status']);
    const lines = output.trim().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  has(path: string): Promise<boolean> {
    return stat(join(this.folder, path)).then(
      () => true,
      () => false,
    );
  }

  read(path: string): Promise<string> {
    return readFile(join(this.folder, path), 'utf8');
  }

  write(path: string, text: string): Promise<void> {
    return writeFile(join(this.folder, path), text);
  }

  async countCalls(): Promise<number> {
    return (await this.read('calls').catch(() => '')).split('\n').length - 1;
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** A gigabyte of real programs would only make the tests slow. */
async function writeVersion(tree: string, version: string, isForeign = false): Promise<void> {
  const files = {
    VERSION: `${version}\n`,
    LICENSE: 'text\n',
    'bin/bramble': isForeign ? '#!/bin/no-such-loader\n' : `#!/bin/sh\necho ${version}\n`,
    'systemd/bramble-agent.service': `[Service]\n# ${version}\n`,
    'update.sh': (await readFile(SCRIPT, 'utf8')).replace('\n#', `\n# Of version ${version}.\n#`),
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  await chmod(join(tree, 'bin/bramble'), 0o755);
  const names = Object.keys(files).sort().join(' ');
  await run('sh', ['-c', `cd '${tree}' && sha256sum ${names} >SHA256SUMS`]);
}
