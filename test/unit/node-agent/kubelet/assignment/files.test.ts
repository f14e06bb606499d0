/** What lies on the card: sealed bytes, and files that are replaced whole. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { MAX_FILE_BYTES } from '../../../../../node-agent/kubelet/assignment/assignment-disk.ts';
import { createAssignmentDisk } from '../../../../../node-agent/kubelet/assignment/node-assignment-disk.ts';
import { createSealer } from '../../../../../node-agent/kubelet/assignment/sealer.ts';
import { seededRandom } from '../../../../../shared/platform/random.ts';

describe('sealer', () => {
  const sealer = createSealer(Buffer.alloc(32, 1), seededRandom(1));
  const plain = Buffer.from('what was told');
  const sealed = Buffer.from(sealer.seal(plain, 'a'));

  it('opens what it sealed', () => assert.deepEqual(Buffer.from(sealer.open(sealed, 'a') ?? ''), plain));
  it('seals the same differently each time', () => assert.notDeepEqual(Buffer.from(sealer.seal(plain, 'a')), sealed));

  const flip = (index: number): Buffer => {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
    return changed;
  };
  const refused: readonly [string, Uint8Array, string][] = [
    ['another name', sealed, 'b'],
    ['another format', flip(3), 'a'],
    ['a changed nonce', flip(5), 'a'],
    ['a changed text', flip(20), 'a'],
    ['a changed tag', flip(sealed.length - 1), 'a'],
    ['a shorter file', sealed.subarray(0, -1), 'a'],
    ['a piece of a file', sealed.subarray(0, 10), 'a'],
    ['nothing', new Uint8Array(), 'a'],
  ];
  for (const [what, bytes, name] of refused) {
    it(`refuses ${what}`, () => assert.equal(sealer.open(bytes, name), undefined));
  }
  it('refuses another key', () => {
    assert.equal(createSealer(Buffer.alloc(32, 2), seededRandom(1)).open(sealed, 'a'), undefined);
  });
});

describe('assignment disk', () => {
  const root = mkdtempSync(join(tmpdir(), 'bramble-assignment-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, 'assignment');
  const disk = createAssignmentDisk(folder);
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  const texts = async (): Promise<Record<string, string>> =>
    Object.fromEntries([...(await disk.readAll())].map(([name, content]) => [name, Buffer.from(content).toString()]));

  it('is empty where there is no folder', async () => assert.deepEqual(await texts(), {}));
  it('writes, replaces and removes', async () => {
    await disk.apply(new Map([['a', bytes('1')], ['b', bytes('2')]])); // biome-ignore format: a table
    await disk.apply(new Map([['a', bytes('3')], ['b', undefined], ['c', undefined]])); // biome-ignore format: a table
    assert.deepEqual(await texts(), { a: '3' });
  });
  it('lets nobody else read', () => {
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o600);
  });
  it('clears what a power cut has left', async () => {
    writeFileSync(join(folder, 'd.tmp'), 'half');
    assert.deepEqual(await texts(), { a: '3' });
    assert.deepEqual(readdirSync(folder), ['a']);
  });
  it('leaves out what is too large', async () => {
    writeFileSync(join(folder, 'huge'), Buffer.alloc(MAX_FILE_BYTES + 1));
    assert.deepEqual(await texts(), { a: '3' });
  });
  it('rejects where it cannot write', async () => {
    const nowhere = createAssignmentDisk(join(folder, 'a', 'below'));
    await assert.rejects(nowhere.apply(new Map([['a', bytes('1')]])));
  });
});
