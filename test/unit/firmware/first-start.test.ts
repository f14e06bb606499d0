/** What the kernel's command line starts first on systems without cloud-init: a name, a user, a network, and the power failing. */
import assert from 'node:assert/strict';
import { rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Board } from '../../support/firmware/board.ts';

const boards: Board[] = [];
after(() => Promise.all(boards.map((board) => board.remove())));

async function makeBoard(firstUser = ''): Promise<Board> {
  const board = await Board.make({ wifi: 'home' });
  boards.push(board);
  await board.prepareFirstStart({ firstUser });
  return board;
}

for (const firstUser of ['', 'pi']) {
  test(`a board with ${firstUser === '' ? 'no user' : `the user ${firstUser}`} becomes the one that was asked for`, async () => {
    const board = await makeBoard(firstUser);
    assert.equal(await board.firstStart(), 0, board.log);
    assert.equal(await board.isFirstStart(), false);
    assert.equal(await board.read('root/boot/firmware/cmdline.txt'), 'root=PARTUUID=1-02 rootwait\n');
    assert.equal(await board.read('root/etc/hostname'), 'shed\n');
    assert.match(await board.read('root/etc/hosts'), /^127\.0\.1\.1\tshed$/m);
    assert.equal(await board.read('root/home/ada/.ssh/authorized_keys'), 'ssh-ed25519 AAAA ada@laptop\n');
    assert.equal(await board.read('root/etc/ssh/sshd_config.d/50-bramble.conf'), 'PasswordAuthentication no\n');
    assert.equal(await board.read('root/etc/sudoers.d/010-bramble'), 'ada ALL=(ALL) NOPASSWD:ALL\n');
    const connection = 'etc/NetworkManager/system-connections/bramble-wifi.nmconnection';
    assert.match(await board.read(`root/${connection}`), /psk=geheim/);
    assert.ok(board.has('root/etc/systemd/system/multi-user.target.wants/bramble-firstboot.service'));
    assert.equal(board.has('root/boot/firmware/firstrun.sh'), false);
    assert.doesNotMatch(`${board.log}${await board.read('calls')}`, /geheim/);
  });
}

test('the power fails at every call in turn: the next start goes on, and the board ends up the same', async () => {
  const whole = await makeBoard('pi');
  assert.equal(await whole.firstStart(), 0);
  const wanted = await whole.files();
  const calls = (await whole.read('calls')).trim().split('\n').length;
  assert.ok(calls > 10, `${calls} calls`);
  for (let cut = 1; cut <= calls; cut += 1) {
    const board = await makeBoard('pi');
    assert.equal(await board.firstStart(cut), undefined, `cut ${cut} did not happen`);
    if (await board.isFirstStart()) assert.equal(await board.firstStart(), 0, `after a cut at call ${cut}`);
    const files = await board.files();
    // Nobody starts it any more, and it says nothing that is secret.
    for (const path of ['firstrun.sh', 'bramble/attempts']) delete files[`/root/boot/firmware/${path}`];
    assert.deepEqual(files, wanted, `after a cut at call ${cut}`);
  }
});

test('a board that fails again and again comes up without its settings, and says so on the card', async () => {
  const board = await makeBoard();
  for (let start = 1; start <= 5; start += 1) assert.equal(await board.firstStart(2), undefined);
  assert.equal(await board.isFirstStart(), true);
  assert.equal(await board.firstStart(), 0);
  assert.equal(await board.isFirstStart(), false);
  assert.match(await board.status(), /first start failed 5 times; the board starts without its settings/);
});

for (const boot of ['boot/firmware', 'boot']) {
  test(`DietPi hands over to the first boot, with its card at /${boot}; running it again changes nothing`, async () => {
    const board = await makeBoard();
    const root = join(board.folder, 'root');
    if (boot === 'boot') {
      await rename(join(root, 'boot/firmware'), join(root, 'card'));
      await rmdir(join(root, 'boot'));
      await rename(join(root, 'card'), join(root, 'boot'));
    }
    assert.equal(await board.dietpiScript(), 0, board.log);
    const once = await board.files();
    assert.equal(await board.read('root/home/ada/.ssh/authorized_keys'), 'ssh-ed25519 AAAA ada@laptop\n');
    const unit = await board.read('root/etc/systemd/system/bramble-firstboot.service');
    assert.match(unit, new RegExp(`^ExecStart=/bin/bash /${boot}/bramble/firstboot\\.sh$`, 'm'));
    assert.match(unit, new RegExp(`^RequiresMountsFor=/${boot}$`, 'm'));
    assert.match(await board.read('calls'), /^systemctl start --no-block bramble-firstboot\.service$/m);
    assert.equal(await board.dietpiScript(), 0, board.log);
    assert.deepEqual(await board.files(), once);
  });
}
