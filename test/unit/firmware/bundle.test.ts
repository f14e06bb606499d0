/** The bundle: the same files give the same bytes, whoever packs them and when; and 32-bit boards are refused. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeDeb } from '../../../firmware-scripts/bundle/make-deb.ts';
import { packTree } from '../../../firmware-scripts/bundle/pack-tree.ts';
import { hashFile } from '../../../firmware-scripts/hash-file.ts';

const MAIN = fileURLToPath(new URL('../../../firmware-scripts/bundle/main.ts', import.meta.url));
const runFile = promisify(execFile);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bramble-pack-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const FILES = { 'bin/node': 'program', 'dist/agent.cjs': 'agent', 'dist/page/a.js': 'page', VERSION: '1.2.3\n' };

interface Packing {
  paths: readonly string[];
  mode: number;
  timeSeconds: number;
}

async function pack(where: string, { paths, mode, timeSeconds }: Packing, files: Record<string, string> = FILES) {
  const work = join(folder, where);
  for (const path of paths) {
    const file = join(work, 'bramble', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, files[path] ?? '');
    await chmod(file, path.startsWith('bin/') ? mode | 0o100 : mode);
    await utimes(file, timeSeconds, timeSeconds);
  }
  const archive = join(work, 'bramble.tar.gz');
  await packTree(work, 'bramble', archive);
  return { archive, hash: await hashFile(archive) };
}

const PATHS = Object.keys(FILES);
const HERE: Packing = { paths: PATHS, mode: 0o644, timeSeconds: 1_700_000_000 };

test('packed elsewhere, later, in another order and by a user with another umask it is the same archive', async () => {
  const { hash } = await pack('here', HERE);
  const elsewhere = await pack('there/and/deeper', {
    paths: PATHS.toReversed(),
    mode: 0o640,
    timeSeconds: 1_800_000_000,
  });
  assert.equal(elsewhere.hash, hash);
  assert.notEqual((await pack('other', HERE, { ...FILES, VERSION: '1.2.4\n' })).hash, hash);
});

test('everybody may read what is in it, and run its programs; it belongs to root', async () => {
  const { archive } = await pack('modes', { ...HERE, mode: 0o600 });
  const { stdout } = await runFile('tar', ['--numeric-owner', '-tvzf', archive]);
  assert.match(stdout, /^-rwxr-xr-x 0\/0 .* 2026-01-01 .* bramble\/bin\/node$/m);
  assert.match(stdout, /^-rw-r--r-- 0\/0 .* bramble\/VERSION$/m);
});

test('the Debian package holds the same where updates put it, needs what it needs, and is always the same', async () => {
  const made: string[] = [];
  for (const [where, mode] of [
    ['deb-1', 0o644],
    ['deb-2', 0o600],
  ] as const) {
    await pack(where, { ...HERE, mode, timeSeconds: 1_700_000_000 + mode });
    const work = join(folder, where);
    made.push(await makeDeb({ work, tree: join(work, 'bramble'), arch: 'arm64', version: '1.2.3', output: work }));
  }
  const [deb = '', again = ''] = made;
  assert.match(deb, /\/bramble_1\.2\.3_arm64\.deb$/);
  assert.equal(await hashFile(again), await hashFile(deb));
  const { stdout: contents } = await runFile('dpkg-deb', ['--contents', deb]);
  assert.match(contents, /^-rwxr-xr-x root\/root .* \.\/opt\/bramble\/versions\/1\.2\.3\/bin\/node$/m);
  const { stdout: control } = await runFile('dpkg-deb', ['--field', deb]);
  assert.match(control, /^Architecture: arm64$/m);
  assert.match(control, /^Depends: docker\.io \| docker-ce, nftables, .*apparmor/m);
  await runFile('dpkg-deb', ['--control', deb, join(folder, 'control')]);
  for (const script of ['postinst', 'prerm']) await runFile('bash', ['-n', join(folder, 'control', script)]);
});

for (const arch of ['armhf', 'armv7', '']) {
  test(`a bundle for '${arch}' is refused with a sentence`, async () => {
    const made = runFile(process.execPath, [MAIN, '--arch', arch]);
    await assert.rejects(made, {
      code: 1,
      stderr: 'bundle: --arch must be arm64 or x64: 32-bit boards cannot run Bramble\n',
    });
  });
}
