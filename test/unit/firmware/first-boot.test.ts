/** The first boot: what it leaves, the power failing at every program that it calls, and each trouble with its sentence. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Board, type BoardOptions, type Lack } from '../../support/firmware/board.ts';

const boards: Board[] = [];
after(() => Promise.all(boards.map((board) => board.remove())));

async function makeBoard(options: BoardOptions = {}): Promise<Board> {
  const board = await Board.make(options);
  boards.push(board);
  return board;
}

const NEEDS_PERSON = 78;
const TRY_AGAIN = 1;

test('an agent: set up, joined, and no secret left on the card', async () => {
  const board = await makeBoard();
  assert.equal(await board.boot(), 0);
  assert.match(await board.status(), /shed: ready\n.*joined the cluster.*Its clock was behind the day of the flash/s);
  assert.equal(await board.read('clock'), '1795000000\n', 'the clock is not older than the card');
  assert.equal(await board.read('root/etc/hostname'), 'shed\n');
  assert.match(await board.read('root/etc/fstab'), /\/ ext4 defaults,noatime,commit=60/);
  assert.match(await board.read('root/etc/fstab'), /vfat {2}defaults {2}0/, 'other lines stay letter by letter');
  assert.match(await board.read('root/etc/bramble/agent.env'), /--join-file .* --master pi\.local$/m);
  assert.equal(await board.read('root/opt/bramble/current/VERSION'), '1.2.3\n');
  for (const secret of [
    'boot/firmware/bramble/token',
    'var/lib/bramble/join-token',
    'boot/firmware/bramble/bundle.tar.gz',
  ]) {
    assert.equal(board.has(`root/${secret}`), false, secret);
  }
  assert.doesNotMatch(await board.read('root/boot/firmware/network-config'), /geheim/);
  assert.doesNotMatch(await board.read('calls'), /right-token/, 'no secret on a command line');
});

test('a master: runs, and its own agent joins with a token that nobody sees', async () => {
  const board = await makeBoard({ role: 'master' });
  assert.equal(await board.boot(), 0);
  assert.match(await board.status(), /The master runs.*sudo bramble token create/s);
  assert.match(await board.read('root/etc/bramble/agent.env'), /--master 127\.0\.0\.1$/m);
  assert.match(await board.read('calls'), /systemctl enable --now bramble-master\.service/);
});

test('the power fails at every call in turn: the next boot goes on, and the board ends up the same', async () => {
  const whole = await makeBoard();
  assert.equal(await whole.boot(), 0);
  const wanted = await whole.files();
  const calls = (await whole.read('calls')).trim().split('\n').length;
  assert.ok(calls > 30, `${calls} calls`);
  // Three at a time: each is a process tree of its own.
  const cuts = Array.from({ length: calls }, (_, index) => index + 1);
  const worker = async (): Promise<void> => {
    for (let cut = cuts.shift(); cut !== undefined; cut = cuts.shift()) {
      const board = await Board.make();
      assert.equal(await board.boot(cut), undefined, `cut ${cut} did not happen`);
      assert.equal(await board.boot(), 0, `after a cut at call ${cut}`);
      assert.deepEqual(await board.files(), wanted, `after a cut at call ${cut}`);
      await board.remove();
    }
  };
  await Promise.all([worker(), worker(), worker()]);
});

const TROUBLES: readonly [name: string, options: BoardOptions, code: number, sentence: RegExp][] = [
  ['a 32-bit system', { lacks: ['64-bit'] }, NEEDS_PERSON, /needs 64 bits.*flash the 64-bit image/],
  ['no network by cable', { lacks: ['network'] }, TRY_AGAIN, /No network .*Is the cable in/],
  ['the wrong Wi-Fi', { lacks: ['network'], wifi: 'home' }, TRY_AGAIN, /Wi-Fi network 'home' in reach.*password right/],
  ['a full card', { lacks: ['room'] }, NEEDS_PERSON, /The card is full: 120 MB/],
  ['no package sources', { lacks: ['packages'] }, TRY_AGAIN, /package sources cannot be reached/],
  [
    'a wrong token',
    { token: 'wrong-token' },
    NEEDS_PERSON,
    /unknown there or has expired.*bramble\/token on this card/s,
  ],
  [
    'an expired token',
    { token: 'old-token' },
    NEEDS_PERSON,
    /unknown there or has expired.*bramble\/token on this card/s,
  ],
  ['a name that another card had', { lacks: ['approval'] }, TRY_AGAIN, /approve this board.*bramble node approve shed/],
  ['a master that is off', { lacks: ['master'] }, TRY_AGAIN, /The master pi\.local was not reached/],
];

for (const [name, options, code, sentence] of TROUBLES) {
  test(`${name}: a sentence on the card, and the way out of it`, async () => {
    const board = await makeBoard(options);
    assert.equal(await board.boot(), code);
    assert.match(await board.status(), sentence);
    const { lacks = [] } = options;
    await board.setLacks(lacks.filter((lack: Lack) => lack === '64-bit'));
    if (options.token !== undefined) await board.write('root/boot/firmware/bramble/token', 'right-token\n');
    if (!lacks.includes('64-bit')) assert.equal(await board.boot(), 0, 'the trouble is over');
  });
}

test('the memory cgroup is switched on with one restart, and a kernel that has no switch is lived with', async () => {
  const board = await makeBoard({ lacks: ['memory-cgroup'] });
  assert.equal(await board.boot(), 75);
  assert.equal(
    await board.read('root/boot/firmware/cmdline.txt'),
    'root=PARTUUID=1-02 rootwait resize cgroup_enable=memory\n',
  );
  assert.ok(board.has('rebooted'));
  assert.equal(await board.boot(), 0, 'still off: pods run without limits');
  assert.match(await board.status(), /shed: ready.*no memory cgroup: pods run without memory limits/s);
});

test('a clock that is right is left alone, and not talked about', async () => {
  const board = await makeBoard();
  await board.write('clock', '1800000000\n');
  assert.equal(await board.boot(), 0);
  assert.equal(await board.read('clock'), '1800000000\n');
  assert.doesNotMatch(await board.status(), /clock/);
});

test('a damaged bundle is never unpacked', async () => {
  const board = await makeBoard();
  await board.write('root/boot/firmware/bramble/bundle.sha256', `${'0'.repeat(64)}  bundle.tar.gz\n`);
  assert.equal(await board.boot(), NEEDS_PERSON);
  assert.match(await board.status(), /bundle on the card is damaged/);
  assert.equal(board.has('root/opt/bramble/current'), false);
});

test('where the kernel has AppArmor, Docker alone is not enough', async () => {
  const board = await makeBoard();
  assert.equal(await board.boot(), 0);
  await board.write('root/sys/module/apparmor/parameters/enabled', 'Y\n');
  await rm(join(board.folder, 'bin/apparmor_parser'));
  await rm(join(board.folder, 'root/var/lib/bramble/firstboot'), { recursive: true });
  await board.write('calls', '');
  assert.equal(await board.boot(), 0);
  assert.match(await board.read('calls'), /^apt-get install .*docker\.io .*apparmor/m);
});

test('container images on the card are loaded, and leave it', async () => {
  const board = await makeBoard({ preload: true });
  assert.equal(await board.boot(), 0);
  assert.equal(await board.read('loaded-images'), 'layers\n');
  assert.equal(board.has('root/boot/firmware/bramble/images'), false);
});

const MASTERS: readonly [master: string, flags: RegExp][] = [
  ['pi.local', /--master pi\.local$/m],
  ['pi.local:9883', /--master pi\.local --mqtt-port 9883$/m],
  ['fd00::17', /--master fd00::17$/m],
];

for (const [master, flags] of MASTERS) {
  test(`the agent looks for its master at ${master}`, async () => {
    const board = await makeBoard({ master });
    assert.equal(await board.boot(), 0);
    assert.match(await board.read('root/etc/bramble/agent.env'), flags);
  });
}

test('a token that is put on the card later is used', async () => {
  const board = await makeBoard({ token: 'old-token' });
  assert.equal(await board.boot(), NEEDS_PERSON);
  await board.write('root/boot/firmware/bramble/token', 'right-token\n');
  assert.equal(await board.boot(), 0);
});

test("a Docker settings file of the user's stays", async () => {
  const board = await makeBoard();
  await board.write('root/etc/docker/daemon.json', '{"data-root":"/ssd"}\n');
  assert.equal(await board.boot(), 0);
  assert.equal(await board.read('root/etc/docker/daemon.json'), '{"data-root":"/ssd"}\n');
});
