/** What the first boot makes of a system: a card that is spared, lights that tell, packages from the card, and no secret told. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Board, type BoardOptions } from '../../support/firmware/board.ts';

const boards: Board[] = [];
after(() => Promise.all(boards.map((board) => board.remove())));

async function makeBoard(options: BoardOptions = {}): Promise<Board> {
  const board = await Board.make(options);
  boards.push(board);
  return board;
}

const TUNED: readonly [what: string, path: string, text: RegExp][] = [
  ['the journal is in memory', 'etc/systemd/journald.conf.d/40-bramble.conf', /^Storage=volatile$/m],
  ['a board that hangs restarts', 'etc/systemd/system.conf.d/50-bramble.conf', /^RuntimeWatchdogSec=14$/m],
  ["containers' logs are short", 'etc/docker/daemon.json', /"max-size": "5m", "max-file": "2"/],
  ['Wi-Fi does not doze', 'etc/NetworkManager/conf.d/50-bramble.conf', /^wifi\.powersave=2$/m],
  ['memory is compressed', 'etc/udev/rules.d/60-bramble-zram.rules', /swapon -p 100 \/dev\/zram0/],
];

test('the system spares its card and its air', async () => {
  const board = await makeBoard();
  await board.write('root/etc/NetworkManager/NetworkManager.conf', '[main]\n');
  await board.write('root/etc/dphys-swapfile', 'CONF_SWAPSIZE=100\n');
  await board.write('root/var/swap', 'pages\n');
  assert.equal(await board.boot(), 0);
  for (const [what, path, text] of TUNED) assert.match(await board.read(`root/${path}`), text, what);
  assert.equal(board.has('root/var/swap'), false, 'no swap on the card');
  const calls = await board.read('calls');
  assert.match(calls, /^systemctl disable --now dphys-swapfile$/m);
  assert.match(calls, /^timedatectl set-ntp true$/m);
});

test('where the system has a swap of its own, that is told to stay in memory', async () => {
  const board = await makeBoard();
  await board.write('root/etc/rpi/swap.conf', '[Main]\n');
  assert.equal(await board.boot(), 0);
  assert.match(await board.read('root/etc/rpi/swap.conf.d/50-bramble.conf'), /^Mechanism=zram$/m);
  assert.equal(board.has('root/etc/udev/rules.d/60-bramble-zram.rules'), false);
});

const LIGHTS: readonly [when: string, options: BoardOptions, trigger: string, delayMs: string][] = [
  ['slowly while it tries again', { lacks: ['network'] }, 'timer', '500'],
  ['fast when it needs a person', { lacks: ['64-bit'] }, 'timer', '100'],
  ['with the card when all is well', {}, 'mmc0', ''],
];

for (const [when, options, trigger, delayMs] of LIGHTS) {
  test(`the light blinks ${when}`, async () => {
    const board = await makeBoard(options);
    const led = 'root/sys/class/leds/ACT';
    for (const file of ['trigger', 'delay_on', 'delay_off']) await board.write(`${led}/${file}`, '');
    await board.boot();
    assert.equal(await board.read(`${led}/trigger`), trigger);
    assert.equal(await board.read(`${led}/delay_on`), delayMs);
    assert.equal(await board.read(`${led}/delay_off`), delayMs);
  });
}

test('it waits longer each time for a network that does not come', async () => {
  const board = await makeBoard({ lacks: ['network'] });
  await board.boot();
  assert.deepEqual((await board.read('calls')).match(/^sleep \d+$/gm), ['sleep 1', 'sleep 2']);
});

test('packages that are on the card are installed without any network', async () => {
  const board = await makeBoard({ lacks: ['packages'] });
  await board.write('root/boot/firmware/bramble/debs/docker.io_20_arm64.deb', 'ar\n');
  assert.equal(await board.boot(), 0);
  const calls = await board.read('calls');
  assert.match(calls, /^apt-get install .*\/bramble\/debs\/docker\.io_20_arm64\.deb$/m);
  assert.doesNotMatch(calls, /^apt-get .*update/m);
});

test('without a bundle on the card the package is asked for, and a person told when there is none', async () => {
  const board = await makeBoard();
  await rm(join(board.folder, 'root/boot/firmware/bramble/bundle.tar.gz'));
  assert.equal(await board.boot(), 78);
  assert.match(await board.read('calls'), /^apt-get install -y -q bramble$/m);
  assert.match(await board.status(), /no Bramble on this card.*--bundle FILE/);
});

test('neither what it says nor what it calls holds a secret', async () => {
  for (const options of [{}, { role: 'master' }, { token: 'wrong-token' }, { lacks: ['master'] }] as const) {
    const board = await makeBoard({ ...options, wifi: 'home' });
    await board.boot();
    assert.match(board.log, /bramble: step join/);
    const told = `${board.log}${await board.read('calls')}${await board.status()}`;
    assert.doesNotMatch(told, /right-token|wrong-token|geheim/);
  }
});
