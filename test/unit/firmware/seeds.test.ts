/** Golden files: every byte that a board would read, for each seed, with the most and the least that can be set. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { BootFile, SeedContext } from '../../../firmware-scripts/flash/boot-file.ts';
import { renderCard } from '../../../firmware-scripts/flash/render-card.ts';
import { recogniseSeedFormat, type SeedFormat } from '../../../firmware-scripts/flash/seed-format.ts';
import { type BoardSettings, checkSettings, type RawSettings } from '../../../firmware-scripts/flash/settings.ts';

const TOKEN = `bramble:${'a'.repeat(64)}:abcdef.0123456789abcdef`;

const FULL: RawSettings = {
  role: 'agent',
  hostname: 'shed-1',
  user: 'ada',
  sshKey: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB ada@laptop', 'ssh-rsa AAAAB3NzaC1yc2E= old'],
  wifiSsid: "Ada's 'net; $HOME",
  wifiPassword: 'p4ss"word\\',
  wifiCountry: 'NO',
  address: '192.168.1.50/24',
  gateway: '192.168.1.1',
  dns: ['9.9.9.9', '1.1.1.1'],
  timezone: 'Europe/Oslo',
  token: TOKEN,
  master: '192.168.1.2',
};
const LEAST: RawSettings = { role: 'master', hostname: 'pi-master' };

const DIETPI_TXT = 'AUTO_SETUP_AUTOMATED=0\nAUTO_SETUP_NET_HOSTNAME=DietPi\n# AUTO_SETUP_SSH_PUBKEY=ssh-ed25519 x\n';
const PRESENT: Readonly<Record<SeedFormat, Record<string, string>>> = {
  'cloud-init': { 'cmdline.txt': 'console=tty1 rootwait resize\n', 'issue.txt': 'Raspberry Pi reference 2025-12-04\n' },
  firstrun: {
    'cmdline.txt': 'console=tty1 rootwait quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n',
    'issue.txt': 'x',
  },
  dietpi: {
    'cmdline.txt': 'root=PARTUUID=1-02 rootwait\n',
    'dietpi.txt': DIETPI_TXT,
    'dietpi-wifi.txt': "aWIFI_SSID[0]=''\n",
  },
};

/** The scripts are the same on every card and have tests of their own. */
const SCRIPTS: SeedContext['scripts'] = Object.fromEntries(
  ['firstboot.sh', 'firstrun.sh', 'dietpi-custom.sh', 'bramble-firstboot.service'].map((name) => [name, `(${name})\n`]),
);

function board(raw: RawSettings): BoardSettings {
  const checked = checkSettings(raw);
  assert.ok('settings' in checked, JSON.stringify(checked));
  return checked.settings;
}

function render(format: SeedFormat, raw: RawSettings): BootFile[] {
  const present = PRESENT[format];
  return renderCard(format, board(raw), {
    instanceId: 'bramble-1-abcdef',
    flashedAtMs: 1_795_000_000_000,
    scripts: SCRIPTS,
    present,
  });
}

/** Made anew by deleting the file and running the test. */
function assertGolden(name: string, files: readonly BootFile[]): void {
  const url = new URL(`../../golden/firmware/${name}.txt`, import.meta.url);
  const text = files.map(({ path, content, secret }) => `--- ${path}${secret ? ' (secret)' : ''}\n${content}`).join('');
  let golden: string;
  try {
    golden = readFileSync(url, 'utf8');
  } catch {
    mkdirSync(new URL('.', url), { recursive: true });
    writeFileSync(url, text);
    golden = text;
  }
  assert.equal(text, golden);
}

for (const format of ['cloud-init', 'firstrun', 'dietpi'] as const) {
  for (const [name, raw] of Object.entries({ full: FULL, least: LEAST })) {
    test(`golden files of ${format}, ${name}`, () => assertGolden(`${format}-${name}`, render(format, raw)));
  }
}

function contentOf(files: readonly BootFile[], path: string): string {
  return files.find((file) => file.path === path)?.content ?? '';
}

test('user-data is what cloud-init reads, and countries are not truth values', () => {
  const files = render('cloud-init', FULL);
  const data = contentOf(files, 'user-data');
  assert.ok(data.startsWith('#cloud-config\n'));
  assert.equal(parse(data).user.name, 'ada');
  const network = parse(contentOf(files, 'network-config'), { version: '1.1' }).network;
  assert.equal(network.wifis.wlan0['regulatory-domain'], 'NO');
  assert.deepEqual(Object.keys(network.wifis.wlan0['access-points']), [FULL.wifiSsid]);
  assert.deepEqual(network.ethernets.wired.addresses, ['192.168.1.50/24']);
});

test('every file that holds the token or the key of the Wi-Fi says so, and the password is on no card', () => {
  for (const format of ['cloud-init', 'firstrun', 'dietpi'] as const) {
    for (const { path, content, secret } of render(format, FULL)) {
      const holds = content.includes(TOKEN) || /[0-9a-f]{64}/.test(content);
      assert.equal(secret === true, holds, `${format}: ${path}`);
      assert.ok(!content.includes('p4ss'), `${format}: ${path}`);
    }
  }
});

test('the seed is written last: a cut-off card boots as it was', () => {
  for (const format of ['cloud-init', 'firstrun', 'dietpi'] as const) {
    const paths = render(format, FULL).map(({ path }) => path);
    const firstOfSeed = paths.findIndex((path) => !path.startsWith('bramble/'));
    assert.ok(
      paths.slice(firstOfSeed).every((path) => !path.startsWith('bramble/')),
      format,
    );
    assert.equal(paths.at(-1), 'cmdline.txt');
  }
});

test('the system is recognised by its files', () => {
  const recognise = (label: string, ...names: string[]) => recogniseSeedFormat({ label, names });
  assert.equal(recognise('bootfs', 'cmdline.txt', 'config.txt', 'user-data', 'issue.txt')?.format, 'cloud-init');
  assert.equal(recognise('system-boot', 'cmdline.txt', 'user-data')?.system, 'Ubuntu for Raspberry Pi');
  assert.equal(recognise('bootfs', 'CMDLINE.TXT', 'CONFIG.TXT', 'issue.txt')?.format, 'firstrun');
  assert.equal(recognise('', 'dietpi.txt', 'cmdline.txt', 'config.txt')?.format, 'dietpi');
  assert.equal(recognise('EFI', 'bootx64.efi'), undefined);
});
