/** One agent a data directory, also after kill -9. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { lockDirectory } from '../../../../node-agent/identity/directory-lock.ts';

describe('directory lock', () => {
  const root = mkdtempSync(join(tmpdir(), 'bramble-lock-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const startOf = (pid: number): string => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  };
  const place = (folder: string, name: string): void => {
    mkdirSync(join(root, folder, 'agent.lock'), { recursive: true });
    writeFileSync(join(root, folder, 'agent.lock', name), '');
  };

  it('is had, and given back', async () => {
    const lock = await lockDirectory(join(root, 'free'));
    assert.equal(readdirSync(join(root, 'free/agent.lock')).length, 1);
    await lock.release();
    await lock.release();
    assert.deepEqual(readdirSync(join(root, 'free/agent.lock')), []);
  });
  it('is refused while another process has it, with its number', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    place('taken', `${pid}-${startOf(pid)}-${boot}`);
    const message = new RegExp(`another agent \\(process ${pid}\\) already uses this data directory`);
    await assert.rejects(lockDirectory(join(root, 'taken')), { reason: 'in-use', message });
    assert.equal(readdirSync(join(root, 'taken/agent.lock')).length, 1);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    await (await lockDirectory(join(root, 'taken'))).release();
  });
  for (const [what, name] of [
    ['a process of another boot', `${process.ppid}-1-another`],
    ['a pid that is another process by now', `${process.ppid}-1-${boot}`],
    ['a process that is gone', `4194300-5-${boot}`],
    ['a machine without /proc', `${process.ppid}-gone-${boot}`],
    ['nobody', 'nonsense'],
  ] as const) {
    it(`is taken over from ${what}`, async () => {
      const folder = what.replaceAll(' ', '-').replaceAll('/', '');
      place(folder, name);
      const lock = await lockDirectory(join(root, folder));
      assert.equal(readdirSync(join(root, folder, 'agent.lock')).length, 1);
      await lock.release();
    });
  }
  it('says where it cannot be written', async () => {
    writeFileSync(join(root, 'file'), '');
    await assert.rejects(lockDirectory(join(root, 'file')), { reason: 'not-writable', message: /--data-dir/ });
  });
});
