/** The units of boards: started again whatever happens, watched, bounded in memory, and with no more rights than they need. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

type Unit = ReadonlyMap<string, readonly string[]>;

async function readUnit(name: string): Promise<Unit> {
  const text = await readFile(new URL(`../../../firmware-scripts/systemd/${name}`, import.meta.url), 'utf8');
  const unit = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value = ''] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined) unit.set(key, [...(unit.get(key) ?? []), value]);
  }
  return unit;
}

const SERVICES: readonly [name: string, settings: Readonly<Record<string, string>>][] = [
  [
    'bramble-agent.service',
    {
      ...{ Type: 'notify', Restart: 'always', WatchdogSec: '3min', StartLimitIntervalSec: '0' },
      ...{ MemoryHigh: '128M', NoNewPrivileges: 'yes', ProtectKernelLogs: 'yes', StateDirectoryMode: '0700' },
      // Pods run on while it is away.
      KillMode: 'process',
    },
  ],
  [
    'bramble-master.service',
    {
      ...{ Type: 'notify', Restart: 'always', WatchdogSec: '3min', StartLimitIntervalSec: '0' },
      ...{ MemoryHigh: '256M', NoNewPrivileges: 'yes', ProtectSystem: 'strict', ProtectHome: 'read-only' },
      ...{ ReadWritePaths: '/var/lib/bramble', StateDirectoryMode: '0700' },
    },
  ],
  [
    'bramble-firstboot.service',
    {
      ...{ Type: 'oneshot', Restart: 'on-failure', StartLimitIntervalSec: '0', RestartPreventExitStatus: '75 78' },
      ConditionPathExists: '!/var/lib/bramble/firstboot/all',
    },
  ],
];

for (const [name, settings] of SERVICES) {
  test(`${name} is hardened and comes back`, async () => {
    const unit = await readUnit(name);
    for (const [key, value] of Object.entries(settings)) assert.deepEqual(unit.get(key), [value], key);
    assert.deepEqual(unit.get('WantedBy'), ['multi-user.target']);
    for (const command of unit.get('ExecStart') ?? [])
      assert.doesNotMatch(command, /token|password/, 'no secret in it');
  });
}
