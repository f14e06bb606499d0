/** Updates of a board: the new version stays when it works, the old one comes back when it does not, and wherever the power fails. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Installation } from '../../support/firmware/installation.ts';

const made: Installation[] = [];
after(() => Promise.all(made.map((each) => each.remove())));

async function makeInstallation(): Promise<Installation> {
  const installation = await Installation.make();
  made.push(installation);
  return installation;
}

/** A life goes on from any state: the board starts, and an agent that works confirms itself. */
async function startBoard(board: Installation, works: (version: string) => boolean, cutAt?: number): Promise<void> {
  const { code } = await board.update(['start'], cutAt);
  if (code === undefined) return;
  assert.equal(code, 0);
  if (works(await board.current())) await board.update(['confirm']);
}

const ALL_WORK = (): boolean => true;
const ONLY_OLD_WORKS = (version: string): boolean => version === '1.0.0';

test('a version that works: on trial, then confirmed, with its units and its script', async () => {
  const board = await makeInstallation();
  const ended = await board.update(['install', await board.makeBundle('2.0.0')]);
  assert.equal(ended.code, 0, ended.output);
  assert.match(ended.output, /2\.0\.0 is on trial/);
  assert.equal((await board.status())['outcome'], 'trial');
  assert.equal(await board.has('units/bramble-agent.service'), false, 'units come when the version is known to work');
  await startBoard(board, ALL_WORK);
  assert.equal(await board.current(), '2.0.0');
  assert.equal((await board.status())['outcome'], 'done');
  assert.match(await board.read('units/bramble-agent.service'), /2\.0\.0/);
  assert.match(await board.read('opt/bramble/update.sh'), /Of version 2\.0\.0/);
  assert.ok(await board.has('opt/bramble/versions/1.0.0'), 'the version before stays, to go back by hand');
  await board.update(['install', await board.makeBundle('3.0.0')]);
  assert.equal(await board.has('opt/bramble/versions/1.0.0'), false, 'A and B, no C');
});

test('a version that ends again and again is taken back', async () => {
  const board = await makeInstallation();
  await board.update(['install', await board.makeBundle('2.0.0')]);
  for (let start = 1; start <= 3; start += 1) {
    await startBoard(board, ONLY_OLD_WORKS);
    assert.equal(await board.current(), '2.0.0', `start ${start}`);
  }
  await startBoard(board, ONLY_OLD_WORKS);
  assert.equal(await board.current(), '1.0.0');
  assert.match((await board.status())['failed'] ?? '', /ended 3 times/);
});

test('a version that is never ready is taken back when its time is over, and a confirmed one is not', async () => {
  const board = await makeInstallation();
  await board.update(['install', await board.makeBundle('2.0.0')]);
  await board.update(['start']);
  assert.match(await board.read('calls'), /^systemd-run .*--on-active=300 .*update\.sh expire$/m);
  await board.update(['expire']);
  assert.equal(await board.current(), '1.0.0');
  assert.match((await board.status())['failed'] ?? '', /not ready within 300 s/);
  assert.match(await board.read('calls'), /^systemctl --no-block restart bramble-agent\.service$/m);
  await board.update(['install', await board.makeBundle('2.0.0')]);
  await startBoard(board, ALL_WORK);
  await board.update(['expire']);
  assert.equal(await board.current(), '2.0.0');
});

const REFUSED: readonly [
  name: string,
  options: { damaged?: boolean; foreign?: boolean; full?: boolean },
  why: RegExp,
][] = [
  ['a bundle that is damaged inside', { damaged: true }, /damaged inside/],
  ['a bundle for another kind of board', { foreign: true }, /does not run on this board/],
  ['a card without room', { full: true }, /too full for an update: 120 MB/],
];

for (const [name, { full, ...options }, why] of REFUSED) {
  test(`${name} is refused, and nothing changes`, async () => {
    const board = await makeInstallation();
    if (full) await board.write('full', '');
    const { code, output } = await board.update(['install', await board.makeBundle('2.0.0', options)]);
    assert.equal(code, 1);
    assert.match(output, why);
    assert.equal(await board.current(), '1.0.0');
    assert.equal((await board.status())['outcome'], undefined);
  });
}

test('the version that runs is not installed again', async () => {
  const board = await makeInstallation();
  const bundle = await board.makeBundle('2.0.0');
  await board.update(['install', bundle]);
  await startBoard(board, ALL_WORK);
  assert.equal((await board.update(['install', bundle])).code, 2);
  assert.equal((await board.status())['outcome'], 'done');
});

/** Runs `test` for each cut until one lies behind the last call; several at a time, each is a process tree of its own. */
async function atEachCut(test: (cut: number, board: Installation) => Promise<boolean>): Promise<number> {
  let next = 1;
  let last = Number.POSITIVE_INFINITY;
  const worker = async (): Promise<void> => {
    for (let cut = next++; cut < last; cut = next++) {
      const board = await Installation.make();
      if (!(await test(cut, board))) last = Math.min(last, cut);
      await board.remove();
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  return last;
}

test('the power fails at every call of an update: the old version or the new one runs, whole, and the next update goes through', async () => {
  const calls = await atEachCut(async (cut, board) => {
    const bundle = await board.makeBundle('2.0.0');
    const wasCut = (await board.update(['install', bundle], cut)).code === undefined;
    await startBoard(board, ALL_WORK);
    assert.match(await board.current(), wasCut ? /^[12]\.0\.0$/ : /^2\.0\.0$/, `cut ${cut}`);
    assert.notEqual((await board.status())['outcome'], 'trial', `cut ${cut}`);
    assert.notEqual((await board.update(['install', bundle])).code, 1, `cut ${cut}`);
    await startBoard(board, ALL_WORK);
    assert.equal(await board.current(), '2.0.0', `cut ${cut}`);
    return wasCut;
  });
  assert.ok(calls > 15, `${calls} calls`);
});

test('the power fails at every call of a confirmation: the new version stays', async () => {
  const calls = await atEachCut(async (cut, board) => {
    await board.update(['install', await board.makeBundle('2.0.0')]);
    await board.update(['start']);
    const wasCut = (await board.update(['confirm'], cut)).code === undefined;
    await startBoard(board, ALL_WORK);
    assert.equal(await board.current(), '2.0.0', `cut ${cut}`);
    assert.equal((await board.status())['outcome'], 'done', `cut ${cut}`);
    return wasCut;
  });
  assert.ok(calls > 10, `${calls} calls`);
});

for (const how of ['start', 'expire'] as const) {
  test(`the power fails at every call of going back (${how}): the old version comes back`, async () => {
    const calls = await atEachCut(async (cut, board) => {
      await board.update(['install', await board.makeBundle('2.0.0')]);
      // The fourth start is one too many.
      for (let start = 0; start < (how === 'start' ? 3 : 1); start += 1) await board.update(['start']);
      const wasCut = (await board.update([how], cut)).code === undefined;
      for (let start = 0; start < 4; start += 1) await startBoard(board, ONLY_OLD_WORKS);
      assert.equal(await board.current(), '1.0.0', `cut ${cut}`);
      assert.equal((await board.status())['outcome'], 'failed', `cut ${cut}`);
      return wasCut;
    });
    assert.ok(calls > 5, `${calls} calls`);
  });
}
