/**
 * Reads and writes the FAT partition of an image or a card with mtools: no mount, no root for an image, and it works where
 * the kernel knows no FAT. Every file is read back and compared.
 */
import { FlashError } from './flash-error.ts';
import type { ProgramResult, RunProgram } from './programs.ts';

export interface BootPartitionOptions {
  run: RunProgram;
  /** An image's file or a card's device. */
  target: string;
  offsetBytes: number;
}

export class BootPartition {
  readonly #run: RunProgram;
  readonly #drive: string;

  constructor({ run, target, offsetBytes }: BootPartitionOptions) {
    this.#run = run;
    this.#drive = `${target}@@${offsetBytes}`;
  }

  /** Names in a folder, without those of folders inside; `''` is the root. */
  async list(folder = ''): Promise<string[]> {
    const { stdout } = await this.#mtools('mdir', ['-b', `::/${folder}`]);
    return stdout
      .toString()
      .split('\n')
      .map((line) => line.trim().replace(/^::\/?/, ''))
      .filter((path) => path !== '' && !path.endsWith('/'))
      .map((path) => path.slice(path.lastIndexOf('/') + 1));
  }

  /** Empty when it has none. */
  async label(): Promise<string> {
    const { stdout } = await this.#mtools('mlabel', ['-s', '::']);
    return /Volume label is (.*?)(?: \(abbr=.*)?$/m.exec(stdout.toString())?.[1]?.trim() ?? '';
  }

  async read(path: string): Promise<Buffer> {
    const { stdout } = await this.#mtools('mtype', [`::/${path}`]);
    return stdout;
  }

  /** Creates folders on the way. */
  async write(path: string, content: Uint8Array): Promise<void> {
    await this.#makeFolders(path);
    const { code, stderr } = await this.#call('mcopy', ['-o', '-', `::/${path}`], content);
    if (code !== 0) throw explainWrite(path, stderr);
    if (!(await this.read(path)).equals(Buffer.from(content))) throw damaged(path);
  }

  /** For files too large to hold in memory. */
  async writeFrom(path: string, source: string): Promise<void> {
    await this.#makeFolders(path);
    const { code, stderr } = await this.#call('mcopy', ['-o', source, `::/${path}`]);
    if (code !== 0) throw explainWrite(path, stderr);
  }

  /** Fine when there is none. */
  async remove(path: string): Promise<void> {
    await this.#call('mdel', [`::/${path}`]);
  }

  /** Makes a file appear at the destination, read back by mtools; for comparing large ones. */
  async readTo(path: string, destination: string): Promise<void> {
    await this.#mtools('mcopy', ['-o', `::/${path}`, destination]);
  }

  async #makeFolders(path: string): Promise<void> {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const folder = parts.slice(0, depth).join('/');
      const { code } = await this.#call('mdir', ['-b', `::/${folder}/`]);
      if (code !== 0) await this.#mtools('mmd', ['-D', 's', `::/${folder}`]);
    }
  }

  async #mtools(program: string, args: readonly string[]): Promise<ProgramResult> {
    const result = await this.#call(program, args);
    if (result.code !== 0)
      throw new FlashError('write', `the boot partition cannot be used: ${firstLine(result.stderr)}`);
    return result;
  }

  async #call(program: string, args: readonly string[], input?: Uint8Array): Promise<ProgramResult> {
    const result = await this.#run(program, ['-i', this.#drive, ...args], input);
    if (result.code === -1 && result.stderr.includes('ENOENT')) {
      throw new FlashError(
        'unavailable',
        `${program} is missing`,
        'install mtools: apt-get install mtools, or brew install mtools',
      );
    }
    return result;
  }
}

function explainWrite(path: string, stderr: string): FlashError {
  if (/full/i.test(stderr)) {
    return new FlashError(
      'write',
      `there is no room on the boot partition for ${path}`,
      'leave out --bundle, or use an image with a larger boot partition',
    );
  }
  return new FlashError('write', `${path} cannot be written to the boot partition: ${firstLine(stderr)}`);
}

function damaged(path: string): FlashError {
  return new FlashError(
    'write',
    `${path} reads back differently from what was written`,
    'the card or its reader is broken: try another one',
  );
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
