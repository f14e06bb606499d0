/**
 * npm run bundle: one archive with everything that a 64-bit board needs of Bramble. The same sources give the same bytes.
 *
 *     npm run bundle -- --arch arm64 [--output DIR] [--deb] [--sign-with DATA_DIR]
 */
import {
  access,
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { signBundle } from '../../shared/protocol/bundle-signature.ts';
import { hashFile } from '../hash-file.ts';
import { ARCHES, type Arch, listBundleFiles } from './bundle-files.ts';
import { makeDeb } from './make-deb.ts';
import { packTree } from './pack-tree.ts';
import { BundleError, ROOT, run } from './run.ts';

const USAGE = `Usage: npm run bundle -- --arch arm64 [flags]

  --arch ARCH           arm64 (boards) or x64
  --output DIR          where the archive is put (default: dist)
  --deb                 a Debian package too
  --sign-with DATA_DIR  sign it with the key of the cluster in this data folder
`;

interface Request {
  arch: Arch;
  output: string;
  deb: boolean;
  signWith: string | undefined;
}

async function makeBundle({ arch, output, deb, signWith }: Request): Promise<string[]> {
  const { version } = readPackage(await readFile(join(ROOT, 'package.json'), 'utf8'));
  await run(process.execPath, ['cli/build-bundles.ts']);
  const work = await mkdtemp(join(tmpdir(), 'bramble-bundle-'));
  try {
    const name = `bramble-${version}-${arch}`;
    const tree = join(work, name);
    await fillTree(tree, arch, version);
    await mkdir(output, { recursive: true });
    const archive = join(output, `${name}.tar.gz`);
    await packTree(work, name, archive);
    const made = [archive, ...(await describe(archive, signWith))];
    if (deb) made.push(await makeDeb({ work, tree, arch, version, output }));
    return made;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fillTree(tree: string, arch: Arch, version: string): Promise<void> {
  for (const { path, from, executable } of listBundleFiles(arch)) {
    const target = join(tree, path);
    await mkdir(dirname(target), { recursive: true });
    await cp(join(ROOT, from), target, { recursive: true });
    if (executable) await chmod(target, 0o755);
  }
  await copyFile(await findNode(arch), join(tree, 'bin/node'));
  await chmod(join(tree, 'bin/node'), 0o755);
  await writeFile(join(tree, 'VERSION'), `${version}\n`);
  const lines = (await listFiles(tree)).map(async (path) => `${await hashFile(join(tree, path))}  ${path}\n`);
  await writeFile(join(tree, 'SHA256SUMS'), (await Promise.all(lines)).join(''));
}

async function listFiles(tree: string): Promise<string[]> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(tree, join(entry.parentPath, entry.name)))
    .sort();
}

/** npm installs the Node of this machine's architecture only; another one is loaded down once and kept. */
async function findNode(arch: Arch): Promise<string> {
  const name = `node-linux-${arch}`;
  const installed = join(ROOT, 'node_modules', name, 'bin/node');
  if (await exists(installed)) return installed;
  const { optionalDependencies } = readPackage(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const version = optionalDependencies[name] ?? '';
  const kept = join(ROOT, '.cache', `${name}-${version}`);
  const node = join(kept, 'package/bin/node');
  if (await exists(node)) return node;
  const partial = `${kept}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const packed = await run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', partial]);
  await run('tar', ['-xzf', join(partial, packed.trim().split('\n').at(-1) ?? ''), '-C', partial, 'package/bin/node']);
  await rm(kept, { recursive: true, force: true });
  await rename(partial, kept);
  return node;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function readPackage(text: string): { version: string; optionalDependencies: Readonly<Record<string, string>> } {
  return JSON.parse(text);
}

/** The files beside the archive: its checksum, and its signature where a cluster's key was named. */
async function describe(archive: string, signWith: string | undefined): Promise<string[]> {
  const hash = await hashFile(archive);
  await writeFile(`${archive}.sha256`, `${hash}  ${archive.slice(archive.lastIndexOf('/') + 1)}\n`);
  if (signWith === undefined) return [`${archive}.sha256`];
  const key = await readFile(join(signWith, 'pki/ca.key'), 'utf8').catch(() => {
    throw new BundleError(`${signWith} holds no key of a cluster that this user may read`);
  });
  await writeFile(`${archive}.sig`, `${signBundle(hash, key)}\n`);
  return [`${archive}.sha256`, `${archive}.sig`];
}

function readRequest(args: readonly string[]): Request | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      arch: { type: 'string' },
      output: { type: 'string', default: join(ROOT, 'dist') },
      deb: { type: 'boolean', default: false },
      'sign-with': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const arch = ARCHES.find((each) => each === values.arch);
  if (arch === undefined)
    throw new BundleError(`--arch must be ${ARCHES.join(' or ')}: 32-bit boards cannot run Bramble`);
  return { arch, output: values.output, deb: values.deb, signWith: values['sign-with'] };
}

async function main(): Promise<void> {
  try {
    const request = readRequest(process.argv.slice(2));
    const text = request === 'help' ? USAGE : (await makeBundle(request)).map((path) => `${path}\n`).join('');
    process.stdout.write(text);
  } catch (error) {
    process.stderr.write(`bundle: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

await main();
