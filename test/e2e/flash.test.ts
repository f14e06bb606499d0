/** `bramble flash` on images with the layout of Raspberry Pi OS: what a board would read, and what must never be written. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { BOOT_OFFSET_BYTES, listBootFiles, makePiImage, readBootFile, run } from '../support/firmware/pi-image.ts';
import { startTerminal } from '../support/terminal.ts';
import { waitFor } from '../support/wait.ts';

const BRAMBLE = fileURLToPath(new URL('../../cli/bramble', import.meta.url));
const TOKEN = `bramble:${'a'.repeat(64)}:abcdef.0123456789abcdef`;
const AGENT = ['--role', 'agent', '--hostname', 'shed', '--token', TOKEN, '--yes'];

const CMDLINE =
  'console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait';
const TRIXIE = {
  'cmdline.txt': `${CMDLINE} resize\n`,
  'config.txt': '[all]\n',
  'issue.txt': 'Raspberry Pi reference 2025-12-04\n',
  'user-data': '#cloud-config\n# hostname: x\n',
  'network-config': '# nothing\n',
  'meta-data': 'instance_id: rpios-image\n',
};
const BOOKWORM = {
  'cmdline.txt': `${CMDLINE} quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n`,
  'config.txt': '[all]\n',
  'issue.txt': 'Raspberry Pi reference 2025-05-13\n',
};

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bramble-flash-test-'));
  await makePiImage(join(folder, 'trixie.img'), { files: TRIXIE });
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** With nobody at the terminal. */
function flash(...args: string[]): Promise<Ended> {
  return flashWith(process.env, ...args);
}

function flashWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  const child = spawn(BRAMBLE, ['flash', ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

const pathOf = (name: string): string => join(folder, name);

test('Trixie, packed by xz with its checksum: cloud-init reads what was asked for, and nothing else changes', async () => {
  await run('xz', ['-0', '-k', '-T0', pathOf('trixie.img')]);
  const [hash = ''] = (await run('sha256sum', [pathOf('trixie.img.xz')])).split(' ');
  await writeFile(pathOf('trixie.img.xz.sha256'), `${hash}  trixie.img.xz\n`);
  const wifi = ['--wifi-ssid', 'home', '--wifi-password', 'geheim123', '--wifi-country', 'DE'];
  const { code, stderr, stdout } = await flash('--image', 'trixie.img.xz', '--output', 'shed.img', ...AGENT, ...wifi);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Put the card into shed/);
  assert.doesNotMatch(stderr, /not compared/);
  const image = pathOf('shed.img');
  assert.equal(parse(await readBootFile(image, 'user-data')).hostname, 'shed');
  const { 'instance-id': id } = parse(await readBootFile(image, 'meta-data'));
  assert.match(id, /^bramble-\d+-[0-9a-f]{6}$/);
  const edits = `cgroup_enable=memory cfg80211.ieee80211_regdom=DE ds=nocloud;i=${id}`;
  assert.equal(await readBootFile(image, 'cmdline.txt'), `${TRIXIE['cmdline.txt'].trim()} ${edits}\n`);
  assert.equal(await readBootFile(image, 'bramble/token'), `${TOKEN}\n`);
  assert.equal(await readBootFile(image, 'config.txt'), TRIXIE['config.txt']);
  assert.match(await run('fsck.vfat', ['-n', await extractBoot(image)]), /\d+ files/);
  await assertSameOutsideBoot(pathOf('trixie.img'), image);
});

/** fsck knows no offsets. */
async function extractBoot(image: string): Promise<string> {
  const boot = pathOf('boot.fat');
  const blocks = ['bs=1M', 'skip=8', 'count=512', 'conv=sparse', 'status=none'];
  await run('dd', [`if=${image}`, `of=${boot}`, ...blocks]);
  return boot;
}

async function assertSameOutsideBoot(before: string, after: string): Promise<void> {
  const rootStart = BOOT_OFFSET_BYTES + 512 * 1024 * 1024;
  await run('cmp', ['-n', String(BOOT_OFFSET_BYTES), before, after]);
  await run('cmp', ['-i', String(rootStart), before, after]);
}

test('the scripts on the card are the ones of this repository', async () => {
  for (const [path, source] of [
    ['bramble/firstboot.sh', 'first-boot/firstboot.sh'],
    ['bramble/bramble-firstboot.service', 'systemd/bramble-firstboot.service'],
  ] as const) {
    const text = await readFile(new URL(`../../firmware-scripts/${source}`, import.meta.url), 'utf8');
    assert.equal(await readBootFile(pathOf('shed.img'), path), text);
  }
});

test('Bookworm, in a zip: firstrun.sh is started by the kernel, and the card still grows', async () => {
  await makePiImage(pathOf('bookworm.img'), { files: BOOKWORM, bootMebibytes: 40 });
  await run('sh', ['-c', `cd '${folder}' && zip -q -1 bookworm.zip bookworm.img`]);
  const { code, stderr } = await flash(
    '--image',
    'bookworm.zip',
    '--output',
    '%.img',
    '--role',
    'master',
    '--hostname',
    'pi',
    '--yes',
  );
  assert.equal(code, 0, stderr);
  const cmdline = await readBootFile(pathOf('pi.img'), 'cmdline.txt');
  assert.match(
    cmdline,
    /init=\/usr\/lib\/raspberrypi-sys-mods\/firstboot .*systemd\.run=\/boot\/firmware\/firstrun\.sh /,
  );
  assert.equal(cmdline.split('\n').length, 2);
  assert.ok((await listBootFiles(pathOf('pi.img'))).includes('firstrun.sh'));
});

test('a card that was flashed before takes a new name, with a new instance', async () => {
  const before = await readBootFile(pathOf('shed.img'), 'meta-data');
  const settings = 'role: agent\nhostname: attic\nwifi-ssid: other\nwifi-country: "NO"\n';
  await writeFile(pathOf('board.yaml'), `${settings}token: ${TOKEN}\n`);
  const { code, stderr } = await flash(
    '--image',
    'shed.img',
    '--output',
    'attic.img',
    '--config',
    'board.yaml',
    '--yes',
  );
  assert.equal(code, 0, stderr);
  assert.equal(parse(await readBootFile(pathOf('attic.img'), 'user-data')).hostname, 'attic');
  assert.notEqual(await readBootFile(pathOf('attic.img'), 'meta-data'), before);
  const cmdline = await readBootFile(pathOf('attic.img'), 'cmdline.txt');
  assert.equal(cmdline.match(/ds=nocloud/g)?.length, 1);
  assert.match(cmdline, /regdom=NO/);
});

test('a batch counts names up, and its token comes from a file', async () => {
  await writeFile(pathOf('token'), `${TOKEN}\n`);
  const batch = ['--image', 'bookworm.img', '--output', 'card-%.img', '--batch', '2'];
  const { code, stderr } = await flash(
    ...batch,
    '--role',
    'agent',
    '--hostname',
    'node-09',
    '--token',
    'token',
    '--yes',
  );
  assert.equal(code, 0, stderr);
  assert.equal(await readBootFile(pathOf('card-node-10.img'), 'bramble/token'), `${TOKEN}\n`);
  assert.match(await readBootFile(pathOf('card-node-10.img'), 'bramble/board.conf'), /^hostname=node-10$/m);
});

test('at a terminal a person is asked, and a password is not shown', async () => {
  const args = ['flash', '--image', pathOf('bookworm.img'), '--dry-run'];
  const terminal = startTerminal(BRAMBLE, args, { PATH: process.env['PATH'] });
  for (const [question, answer] of [
    ['the master, or an agent', 'master'],
    ['Name of the board', 'cellar'],
    ['Wi-Fi network', 'home'],
    ['Country', 'de'],
    ['Password of home', 'geheim123'],
  ] as const) {
    await waitFor(question, () => terminal.text().includes(question));
    terminal.write(`${answer}\r`);
  }
  assert.equal(await terminal.ended, 0, terminal.text());
  assert.match(terminal.text(), /wifi_ssid=home\r?\nwifi_country=DE/);
  assert.doesNotMatch(terminal.text(), /geheim123/);
});

test('a dry run shows every file, hides secrets and writes nothing', async () => {
  const { code, stdout } = await flash('--image', 'trixie.img', '--dry-run', ...AGENT);
  assert.equal(code, 0);
  for (const path of ['user-data', 'network-config', 'cmdline.txt', 'bramble/firstboot.sh'])
    assert.match(stdout, new RegExp(`^--- ${path}$`, 'm'));
  assert.match(stdout, /--- bramble\/token \(holds secrets, not shown\)/);
  assert.ok(!stdout.includes(TOKEN));
});

const REFUSED: readonly [name: string, args: string[], code: number, message: RegExp][] = [
  [
    'settings that are missing',
    ['--image', 'trixie.img', '--output', 'x.img', '--yes'],
    64,
    /--role must be.*--hostname is missing/s,
  ],
  ['no target', ['--image', 'trixie.img', ...AGENT], 64, /either a card or a file/],
  [
    'a token that is in no file',
    ['--image', 'trixie.img', '--output', 'x.img', '--role', 'agent', '--hostname', 'a', '--token', 'gone', '--yes'],
    66,
    /no file gone with a join token/,
  ],
  ['an image that is not there', ['--image', 'gone.img', '--output', 'x.img', ...AGENT], 66, /no image gone\.img/],
  ['something that is no image', ['--image', 'text.img', '--output', 'x.img', ...AGENT], 66, /no partition table/],
  ['an image that was cut off', ['--image', 'cut.img.xz', '--output', 'x.img', ...AGENT], 66, /cannot be unpacked/],
  [
    'a wrong checksum',
    ['--image', 'trixie.img', '--sha256', '0'.repeat(64), '--output', 'x.img', ...AGENT],
    66,
    /is damaged/,
  ],
  [
    'a system that takes no settings',
    ['--image', 'other.img', '--output', 'x.img', ...AGENT],
    66,
    /takes settings from its boot/,
  ],
  [
    'a file that is there',
    ['--image', 'trixie.img', '--output', 'shed.img', ...AGENT.slice(0, -1)],
    73,
    /shed\.img exists/,
  ],
  ['a disk that is not there', ['--image', 'trixie.img', '--device', '/dev/no-such-disk', ...AGENT], 1, /no disk/],
  [
    'a bundle without room',
    ['--image', 'bookworm.img', '--output', 'x.img', '--bundle', 'big', ...AGENT],
    73,
    /no room/,
  ],
];

test('what cannot be right is refused with a sentence', async (t) => {
  await writeFile(pathOf('text.img'), 'not an image'.repeat(100));
  await writeFile(pathOf('cut.img.xz'), (await readFile(pathOf('trixie.img.xz'))).subarray(0, 20_000));
  await writeFile(pathOf('big'), '');
  await truncate(pathOf('big'), 64 * 1024 * 1024);
  await makePiImage(pathOf('other.img'), { files: { 'readme.txt': 'x' }, bootMebibytes: 40, label: 'EFI' });
  for (const [name, args, code, message] of REFUSED) {
    await t.test(name, async () => {
      const ended = await flash(...args);
      assert.match(ended.stderr, message);
      assert.equal(ended.code, code, ended.stderr);
    });
  }
});

test('a wrong checksum leaves no partition table behind', async () => {
  const { size } = await stat(pathOf('x.img'));
  await flash('--image', 'trixie.img', '--sha256', '0'.repeat(64), '--output', 'y.img', ...AGENT);
  const start = (await readFile(pathOf('y.img'))).subarray(0, 512);
  assert.ok(start.every((byte) => byte === 0));
  assert.ok(size > 0);
});

test('what a system lacks is said: a list of disks, a program that unpacks', async () => {
  const bin = pathOf('bin');
  await mkdir(bin);
  await writeFile(join(bin, 'lsblk'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
  const disks = await flashWith(env, '--image', 'trixie.img', '--device', '/dev/disk4', ...AGENT);
  assert.match(disks.stderr, /cannot list its disks.*\n.*write to a file with --output/);
  assert.equal(disks.code, 69);
  // Where everything else is, and xz is not.
  for (const name of ['sh', 'readlink', 'dirname', 'find', 'flock', 'mkdir'])
    await symlink(await findProgram(name), join(bin, name));
  const packed = await flashWith({ PATH: bin }, '--image', 'trixie.img.xz', '--output', 'x.img', ...AGENT);
  assert.match(packed.stderr, /xz is missing\n.*apt-get install xz-utils/);
  assert.equal(packed.code, 69);
});

async function findProgram(name: string): Promise<string> {
  return (await run('sh', ['-c', `command -v ${name}`])).trim();
}
