/** Folders of sandboxes without containers: what stays, what was left half made, and where they cannot be. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LightSandboxes } from '../../../../node-agent/container-runtime/light-sandboxes.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { newPod, sandboxConfig } from '../../../contract/runtime-contract.ts';

let root = '';
const open = (at = root): LightSandboxes => new LightSandboxes({ root: at, clock: systemClock });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'light-'));
});
afterEach(() => rm(root, { recursive: true }));

test('what was made is there for the next agent, once', async () => {
  const sandboxes = open();
  await sandboxes.prepare('amd64');
  assert.deepEqual(await readdir(root), ['gate']);
  const dns = { servers: ['192.0.2.53'], searches: [], options: [] };
  const config = sandboxConfig(newPod(), { dns, hostAliases: [{ ip: '192.0.2.7', hostnames: ['alias'] }] });
  const made = await sandboxes.run(config, 'net', ['10.0.0.2']);
  assert.deepEqual(await sandboxes.run(config, 'net', ['10.0.0.3']), made);
  const next = open();
  assert.deepEqual(await next.all(), [made]);
  assert.match(await readFile(join(made.folder, 'hosts'), 'utf8'), /10\.0\.0\.2\tcontract-.*\n192\.0\.2\.7\talias\n/);
  assert.notEqual((await sandboxes.run({ ...config, attempt: 1 }, 'net', ['10.0.0.3'])).id, made.id);
  await next.remove(made.id);
  await next.remove('no-such-sandbox');
  assert.deepEqual(await open().get(made.id), undefined);
});

test('any user may execute the gate, and sees nothing else of the sandbox', async () => {
  const sandboxes = open();
  const umask = process.umask(0o077);
  await sandboxes.prepare('arm64');
  const { id } = await sandboxes.run(sandboxConfig(newPod()), 'net', ['10.0.0.2']);
  process.umask(umask);
  assert.deepEqual(await readdir(sandboxes.doorwayOf(id)), ['gate']);
  assert.equal((await stat(join(sandboxes.doorwayOf(id), 'gate'))).mode & 0o777, 0o755);
  assert.equal((await stat(sandboxes.doorwayOf(id))).mode & 0o777, 0o755);
});

test('the next agent finds the gate and writes nothing; another version replaces it, damage too', async () => {
  await open().prepare('amd64');
  const gate = join(root, 'gate');
  const look = async () => [(await stat(gate)).ino, (await stat(gate)).mtimeMs, (await stat(root)).mtimeMs];
  const first = await look();
  await open().prepare('amd64');
  assert.deepEqual(await look(), first);
  const bytes = await readFile(gate);
  await writeFile(gate, bytes.subarray(0, 10));
  await open().prepare('amd64');
  assert.deepEqual(await readFile(gate), bytes);
  await open().prepare('arm64');
  assert.notDeepEqual(await readFile(gate), bytes);
  assert.deepEqual(await readdir(root), ['gate']);
});

test('what was left half made is nothing, and goes', async () => {
  await mkdir(join(root, 'aaaa'));
  await mkdir(join(root, 'bbbb'));
  await writeFile(join(root, 'bbbb/sandbox.json'), '{"id": "bb');
  assert.deepEqual(await open().all(), []);
  assert.deepEqual(await readdir(root), []);
});

test('why a program could not be started is known until the sandbox goes', async () => {
  const sandboxes = open();
  await sandboxes.prepare('amd64');
  const { id } = await sandboxes.run(sandboxConfig(newPod()), 'net', ['10.0.0.2']);
  await sandboxes.noteFailure(id, 'c1', 'no such file');
  assert.equal(await open().failureOf(id, 'c1'), 'no such file');
  assert.equal(await open().failureOf(id, 'c2'), undefined);
  await sandboxes.remove(id);
  assert.equal(await open().failureOf(id, 'c1'), undefined);
});

test('a path that no socket can have is refused beforehand', async () => {
  await assert.rejects(open(join(root, 'x'.repeat(100))).prepare('amd64'), /too long/);
  assert.equal(open().isReady, false);
});
