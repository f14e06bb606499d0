/**
 * Packages of any Debian suite and architecture, unpacked beside the system: fetched by an apt with lists of its own. Nothing
 * is installed, and what this machine's apt knows stays as it is.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, runProgram } from '../../cli/setup/run-program.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface DebianPackages {
  suite: string;
  /** Debian's name; default: this machine's. */
  arch?: string;
  packages: readonly string[];
  /** Replaced; the files are below its folder `root`. */
  into: string;
}

export async function fetchDebianPackages({ suite, arch, packages, into }: DebianPackages): Promise<void> {
  const work = `${into}.${process.pid}`;
  try {
    await mkdir(join(work, 'lists/partial'), { recursive: true });
    await mkdir(join(work, 'cache/archives/partial'), { recursive: true });
    await writeFile(join(work, 'sources.list'), `deb [signed-by=${KEYRING}] ${await findMirror()} ${suite} main\n`);
    // An empty status: what is installed here must not decide which version is fetched.
    const options = [
      `-oDir::Etc::sourcelist=${work}/sources.list`,
      '-oDir::Etc::sourceparts=/dev/null',
      `-oDir::State::lists=${work}/lists`,
      '-oDir::State::status=/dev/null',
      `-oDir::Cache=${work}/cache`,
      '-oAcquire::Languages=none',
      ...(arch === undefined ? [] : [`-oAPT::Architecture=${arch}`, `-oAPT::Architectures::=${arch}`]),
      '-q',
    ];
    await mustRun('apt-get', [...options, 'update'], work);
    await mustRun('apt-get', [...options, 'download', ...packages], work);
    const files = (await readdir(work)).filter((name) => name.endsWith('.deb'));
    for (const file of files) await mustRun('dpkg', ['-x', join(work, file), join(work, 'root')], work);
    await Promise.all(['lists', 'cache', ...files].map((name) => rm(join(work, name), { recursive: true })));
    await rm(into, { recursive: true, force: true });
    await rename(work, into);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The server of Debian's packages that this machine already uses. */
export async function findMirror(): Promise<string> {
  const format = '$(REPO_URI)|$(ORIGIN)|$(LABEL)';
  const { output } = await runProgram('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    env: process.env,
  });
  const lines = output.split('\n').map((line) => line.split('|'));
  const mirror = lines.find(([, origin, label]) => origin === 'Debian' && label === 'Debian')?.[0];
  if (mirror === undefined) throw new Error('apt knows no server of Debian packages; run apt-get update first');
  return mirror;
}

async function mustRun(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await runProgram(program, args, { env: process.env, cwd });
  if (code !== 0) throw new Error(`${program} ${args.at(-1)} failed:\n${lastLines(output, 8)}`);
}
