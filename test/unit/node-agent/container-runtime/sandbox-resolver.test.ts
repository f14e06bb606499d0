/** The resolv.conf of a sandbox: as text, and written where there is one. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderResolvConf, writeResolvConf } from '../../../../node-agent/container-runtime/sandbox-resolver.ts';

test('it has what the pod asked for, and no search where there is none', () => {
  const dns = { servers: ['10.42.1.1', 'fd42::1'], searches: ['a.svc', 'svc'], options: ['ndots:5'] };
  const text = 'search a.svc svc\nnameserver 10.42.1.1\nnameserver fd42::1\noptions ndots:5\n';
  assert.equal(renderResolvConf(dns), text);
  assert.equal(
    renderResolvConf({ ...dns, searches: ['.'], options: [] }),
    'nameserver 10.42.1.1\nnameserver fd42::1\n',
  );
});

test('the file stays the same file, as containers have it mounted; none is made', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bt-resolver-'));
  try {
    const path = join(folder, 'resolv.conf');
    assert.equal(await writeResolvConf(path, 'x'), false);
    assert.ok(!existsSync(path));
    await writeFile(path, 'nameserver 127.0.0.11 and much more\n');
    const { ino } = await stat(path);
    assert.equal(await writeResolvConf(path, 'nameserver 10.42.1.1\n'), true);
    assert.equal(await readFile(path, 'utf8'), 'nameserver 10.42.1.1\n');
    assert.equal((await stat(path)).ino, ino);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
