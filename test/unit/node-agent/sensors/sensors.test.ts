/** Sensors on trees of files as boards show them, and what is worth telling. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isWorthTelling, type Reading } from '../../../../node-agent/sensors/dead-band.ts';
import { LinuxSensors } from '../../../../node-agent/sensors/linux-sensors.ts';
import { parseThrottled, throttleCelsiusOf } from '../../../../node-agent/sensors/proc-files.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { INVENTORY, SAMPLE } from '../agent-fixture.ts';

const base = mkdtempSync(join(tmpdir(), 'bramble-sensors-'));
after(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
function tree(files: Record<string, string | Uint8Array>): LinuxSensors {
  count += 1;
  const root = join(base, String(count));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return new LinuxSensors({ clock: createVirtualClock(), root, storagePath: () => '/' });
}

function stat(busy: number, idle: number): string {
  return `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 0 0 1\ncpu1 1 0 0 1\ncpu2 1 0 0 1\ncpu3 1 0 0 1\nintr 1\n`;
}

/** AT_PAGESZ is 16 KiB, as with the stock kernel of a Pi 5. */
const AUXV = new Uint8Array(new BigUint64Array([33n, 1n, 6n, 16384n, 0n, 0n]).buffer);

const COMMON = {
  'proc/stat': stat(100, 900),
  'proc/meminfo': 'MemTotal:        3884000 kB\nMemFree:          100000 kB\nMemAvailable:    2000000 kB\n',
  'proc/loadavg': '0.52 0.58 0.59 1/100 1234\n',
  'proc/self/auxv': AUXV,
  'proc/sys/kernel/random/boot_id': 'boot-1\n',
  'proc/sys/kernel/osrelease': '6.12.25+rpt-rpi-2712\n',
  'etc/machine-id': '0123456789abcdef\n',
  'etc/os-release': 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
};

const PI5 = {
  ...COMMON,
  'proc/device-tree/model': 'Raspberry Pi 5 Model B Rev 1.0\0',
  'proc/device-tree/serial-number': '1000000012345678\0',
  'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  'sys/class/thermal/thermal_zone0/temp': '54321\n',
  'sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled': '50005\n',
};

const PC = {
  ...COMMON,
  'sys/class/dmi/id/sys_vendor': 'Acme\n',
  'sys/class/dmi/id/product_name': 'Box 3000\n',
  'sys/class/dmi/id/product_uuid': 'UUID-1\n',
  'sys/class/thermal/thermal_zone0/type': 'acpitz\n',
  'sys/class/thermal/thermal_zone0/temp': '20000\n',
  'sys/class/thermal/thermal_zone1/type': 'x86_pkg_temp\n',
  'sys/class/thermal/thermal_zone1/temp': '61000\n',
};

describe('LinuxSensors', () => {
  it('knows a Raspberry Pi 5', async () => {
    const inventory = await tree(PI5).inventory();
    assert.deepEqual(inventory, {
      model: 'Raspberry Pi 5 Model B Rev 1.0',
      serial: '1000000012345678',
      cpus: 4,
      memoryBytes: 3884000 * 1024,
      pageSizeBytes: 16384,
      machineId: '0123456789abcdef',
      systemUuid: '1000000012345678',
      bootId: 'boot-1',
      kernelVersion: '6.12.25+rpt-rpi-2712',
      osImage: 'Debian GNU/Linux 13 (trixie)',
      throttleCelsius: 80,
    });
  });
  it('reads its temperature, its supply and its disk', async () => {
    const sample = await tree(PI5).sample();
    assert.deepEqual(
      [sample.temperatureCelsius, sample.throttled, sample.underVoltage, sample.loadAverage1],
      [54.321, true, true, 0.52],
    );
    assert.deepEqual([sample.memoryAvailableBytes, sample.memoryTotalBytes], [2000000 * 1024, 3884000 * 1024]);
    assert.ok(sample.diskTotalBytes > sample.diskAvailableBytes && sample.diskAvailableBytes > 0);
  });
  it('finds the alarm of the voltage where the firmware has no file', async () => {
    const { 'sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled': _, ...rest } = PI5;
    const alarm = { 'sys/class/hwmon/hwmon1/name': 'rpi_volt\n', 'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n' };
    const sample = await tree({ ...rest, ...alarm }).sample();
    assert.deepEqual([sample.underVoltage, sample.throttled], [true, undefined]);
  });
  it('knows a PC, and prefers the zone of the CPU', async () => {
    const sensors = tree(PC);
    const { model, systemUuid } = await sensors.inventory();
    assert.deepEqual([model, systemUuid], ['Acme Box 3000', 'UUID-1']);
    const sample = await sensors.sample();
    assert.deepEqual([sample.temperatureCelsius, sample.throttled], [61, undefined]);
  });
  it('measures CPU between two readings', async () => {
    const sensors = tree(PC);
    await sensors.sample();
    writeFileSync(join(base, String(count), 'proc/stat'), stat(150, 950));
    assert.equal((await sensors.sample()).cpuMillis, 2000);
  });
  it('lives with a machine that tells nothing', async () => {
    const sensors = tree({});
    assert.equal((await sensors.inventory()).model, '');
    assert.equal((await sensors.sample()).temperatureCelsius, undefined);
  });
  it('reads the machine it runs on', async () => {
    const sensors = new LinuxSensors({ clock: createVirtualClock(), root: '', storagePath: () => '/' });
    const { cpus, memoryBytes } = await sensors.inventory();
    assert.ok(cpus > 0 && memoryBytes > 0);
  });
});

describe('throttling', () => {
  const words: [string, object | undefined][] = [
    ['0', { underVoltage: false, throttled: false }],
    ['50005', { underVoltage: true, throttled: true }],
    ['50000', { underVoltage: false, throttled: false }],
    ['8', { underVoltage: false, throttled: true }],
    ['1', { underVoltage: true, throttled: false }],
    ['', undefined],
  ];
  for (const [word, expected] of words) it(`0x${word}`, () => assert.deepEqual(parseThrottled(word), expected));
  it('begins where the model says', () => {
    const models = ['Raspberry Pi 3 Model B Plus Rev 1.3', 'Raspberry Pi 4 Model B Rev 1.4', 'Acme'];
    assert.deepEqual(models.map(throttleCelsiusOf), [60, 80, 90]);
  });
});

describe('isWorthTelling', () => {
  const use = (cpuMillis: number, memoryBytes = 1 << 20) => [
    { namespace: 'default', name: 'web', uid: 'u', containers: [{ name: 'main', cpuMillis, memoryBytes }] },
  ];
  const told: Reading = { sample: SAMPLE, pods: use(10) };
  const cases: [string, Reading, boolean][] = [
    ['nothing changed', told, false],
    ['a little CPU', { ...told, sample: { ...SAMPLE, cpuMillis: 500 } }, false],
    ['much CPU', { ...told, sample: { ...SAMPLE, cpuMillis: 700 } }, true],
    ['one degree', { ...told, sample: { ...SAMPLE, temperatureCelsius: 46 } }, false],
    ['three degrees', { ...told, sample: { ...SAMPLE, temperatureCelsius: 48 } }, true],
    ['no sensor any more', { ...told, sample: { ...SAMPLE, temperatureCelsius: undefined } }, true],
    ['under-voltage', { ...told, sample: { ...SAMPLE, underVoltage: true } }, true],
    ['half of the memory', { ...told, sample: { ...SAMPLE, memoryAvailableBytes: 1024 ** 3 } }, true],
    ['a gigabyte of disk', { ...told, sample: { ...SAMPLE, diskAvailableBytes: 19 * 1024 ** 3 } }, true],
    ['a pod that came', { ...told, pods: [] }, true],
    ['a busy pod', { ...told, pods: use(400) }, true],
    ['a pod that breathes', { ...told, pods: use(60, 2 << 20) }, false],
  ];
  for (const [name, now, expected] of cases) {
    it(name, () => assert.equal(isWorthTelling(told, now, INVENTORY), expected));
  }
  it('the step over the throttling temperature', () => {
    const at = (temperatureCelsius: number): Reading => ({ ...told, sample: { ...SAMPLE, temperatureCelsius } });
    assert.equal(isWorthTelling(at(79.5), at(80), INVENTORY), true);
    assert.equal(isWorthTelling(at(78.5), at(79), INVENTORY), false);
  });
});
