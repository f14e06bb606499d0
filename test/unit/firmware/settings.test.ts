/** Settings of boards: what is wrong is said by its flag, all at once; what is right becomes a board. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOfBoard, BoardNameError, nameBoards } from '../../../firmware-scripts/flash/board-names.ts';
import { checkSettings, type RawSettings } from '../../../firmware-scripts/flash/settings.ts';
import { computeWifiKey } from '../../../firmware-scripts/flash/wifi-key.ts';

const TOKEN = `bramble:${'a'.repeat(64)}:abcdef.0123456789abcdef`;
const AGENT: RawSettings = { role: 'agent', hostname: 'kitchen', token: TOKEN };

function complaintsOf(raw: RawSettings): string[] {
  const checked = checkSettings(raw);
  return 'complaints' in checked ? checked.complaints.map(({ flag }) => flag) : [];
}

const WRONG: readonly [name: string, raw: RawSettings, flags: string[]][] = [
  ['nothing at all', {}, ['--role', '--hostname']],
  ['an agent without a token', { role: 'agent', hostname: 'a' }, ['--token']],
  ['a token that was cut off', { ...AGENT, token: TOKEN.slice(0, 40) }, ['--token']],
  ['capital letters in the name', { ...AGENT, hostname: 'Kitchen' }, ['--hostname']],
  ['a user of the system', { ...AGENT, user: 'root' }, ['--user']],
  ['a private key', { ...AGENT, sshKey: '-----BEGIN OPENSSH PRIVATE KEY-----' }, ['--ssh-key']],
  ['a key with a second line', { ...AGENT, sshKey: 'ssh-ed25519 AAAA x\nssh-rsa BBBB' }, ['--ssh-key']],
  ['Wi-Fi without a country', { ...AGENT, wifiSsid: 'home', wifiPassword: 'geheim123' }, ['--wifi-country']],
  [
    'a password that is too short',
    { ...AGENT, wifiSsid: 'h', wifiCountry: 'DE', wifiPassword: 'short' },
    ['--wifi-password'],
  ],
  ['a password without a network', { ...AGENT, wifiPassword: 'geheim123' }, ['--wifi-ssid']],
  ['a line break in the network', { ...AGENT, wifiSsid: 'a\nb', wifiCountry: 'DE' }, ['--wifi-ssid']],
  ['a country in small letters', { ...AGENT, wifiSsid: 'a', wifiCountry: 'de' }, ['--wifi-country']],
  ['an address without its network', { ...AGENT, address: '192.168.1.5', gateway: '192.168.1.1' }, ['--address']],
  ['an address without a router', { ...AGENT, address: '192.168.1.5/24' }, ['--gateway']],
  ['a router of the other family', { ...AGENT, address: '192.168.1.5/24', gateway: 'fe80::1' }, ['--gateway']],
  ['a router alone', { ...AGENT, gateway: '192.168.1.1' }, ['--address']],
  ['a time zone with a path', { ...AGENT, timezone: '../etc/passwd' }, ['--timezone']],
  ['a master with spaces', { ...AGENT, master: 'my pi' }, ['--master']],
  ['a master with a port that is none', { ...AGENT, master: 'pi:mqtt' }, ['--master']],
];

for (const [name, raw, flags] of WRONG) {
  test(`settings: ${name} is refused`, () => assert.deepEqual(complaintsOf(raw), flags));
}

test('settings: all that is needed for an agent, and the defaults', () => {
  assert.deepEqual(checkSettings(AGENT), {
    settings: {
      role: 'agent',
      hostname: 'kitchen',
      user: 'bramble',
      sshKeys: [],
      wifi: undefined,
      address: undefined,
      timezone: 'Etc/UTC',
      join: { token: TOKEN, master: undefined },
    },
  });
});

test('settings: a master needs no token and keeps none', () => {
  const checked = checkSettings({ role: 'master', hostname: 'm', token: TOKEN });
  assert.equal('settings' in checked && checked.settings.join, undefined);
});

test('settings: the router answers names unless told otherwise', () => {
  const checked = checkSettings({ ...AGENT, address: '10.0.0.5/8', gateway: '10.0.0.1' });
  assert.deepEqual('settings' in checked && checked.settings.address, {
    cidr: '10.0.0.5/8',
    gateway: '10.0.0.1',
    dns: ['10.0.0.1'],
  });
});

test('names of a batch count up and keep their width', () => {
  assert.deepEqual(nameBoards('node-08', 3), ['node-08', 'node-09', 'node-10']);
  assert.deepEqual(nameBoards('pi', 3), ['pi', 'pi-2', 'pi-3']);
  assert.deepEqual(nameBoards('pi9', 2), ['pi9', 'pi10']);
});

test('addresses of a batch count up, and not out of their network', () => {
  assert.equal(addressOfBoard('192.168.1.50/24', 2), '192.168.1.52/24');
  assert.equal(addressOfBoard(undefined, 2), undefined);
  assert.throws(() => addressOfBoard('192.168.1.253/24', 2), BoardNameError);
  assert.throws(() => addressOfBoard('fd00::1/64', 1), BoardNameError);
});

// IEEE 802.11i-2004, annex H.4.3, has these pairs.
test('Wi-Fi keys are those of the standard', () => {
  assert.equal(computeWifiKey('IEEE', 'password'), 'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e');
  assert.equal(
    computeWifiKey('ThisIsASSID', 'ThisIsAPassword'),
    '0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af',
  );
  assert.equal(computeWifiKey('any', 'A'.repeat(64)), 'a'.repeat(64));
});
