/** Sensors on boards as files, and what is worth telling. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readCgroupStats } from '../../../../node-agent/container-runtime/cgroup-stats.ts';
import { isWorthTelling, type Reading } from '../../../../node-agent/sensors/dead-band.ts';
import { LinuxSensors } from '../../../../node-agent/sensors/linux-sensors.ts';
import {
  guessThrottled,
  parseNetworkBytes,
  parseThrottled,
  parseWifi,
  parseWrittenBytes,
  throttleCelsiusOf,
} from '../../../../node-agent/sensors/proc-files.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { INVENTORY, SAMPLE } from '../agent-fixture.ts';
import { BOARDS, stat, type Tree, writeBoard } from '../boards.ts';

function open(tree: Tree) {
  const board = writeBoard(tree);
  const sensors = new LinuxSensors({ clock: createVirtualClock(), root: board.root, storagePath: () => '/' });
  return { board, sensors };
}

describe('sensors of a Raspberry Pi 5', () => {
  it('know what it is', async () => {
    assert.deepEqual(await open(BOARDS.PI5).sensors.inventory(), {
      model: 'Raspberry Pi 5 Model B Rev 1.0',
      serial: '1000000012345678',
      cpus: 4,
      memoryBytes: 8_245_000 * 1024,
      pageSizeBytes: 16_384,
      machineId: '0123456789abcdef',
      systemUuid: '1000000012345678',
      bootId: 'boot-1',
      kernelVersion: '6.12.25+rpt-rpi-v8',
      osImage: 'Debian GNU/Linux 13 (trixie)',
      throttleCelsius: 80,
    });
  });
  it('read how it is', async () => {
    const sample = await open(BOARDS.PI5).sensors.sample();
    assert.deepEqual(
      [sample.temperatureCelsius, sample.throttled, sample.underVoltage, sample.loadAverage1],
      [54.321, true, true, 0.52],
    );
    assert.deepEqual([sample.memoryAvailableBytes, sample.memoryTotalBytes], [7_000_000 * 1024, 8_245_000 * 1024]);
    assert.deepEqual(sample.processes, { count: 180, max: 32_768 });
    assert.deepEqual(sample.network, { receivedBytes: 1000, sentBytes: 2000 });
    assert.equal(sample.diskWrittenBytes, (1_048_576 + 2048) * 512, 'card and NVMe, no zram, no loop');
    assert.ok(sample.diskTotalBytes > sample.diskAvailableBytes && sample.diskAvailableBytes > 0);
  });
});

describe('sensors of other boards', () => {
  interface Expected {
    model: string;
    celsius: number | undefined;
    throttled: boolean | undefined;
    underVoltage: boolean | undefined;
    wifi: number | undefined;
  }
  const boards: [string, Tree, Expected][] = [
    [
      'Pi 3: slowed down by its soft limit',
      BOARDS.PI3,
      {
        model: 'Raspberry Pi 3 Model B Plus Rev 1.3',
        celsius: 55.312,
        throttled: true,
        underVoltage: false,
        wifi: undefined,
      },
    ],
    [
      'Pi 4: the alarm of the voltage counts, not the firmware that forgets',
      BOARDS.PI4,
      { model: 'Raspberry Pi 4 Model B Rev 1.4', celsius: 48.2, throttled: false, underVoltage: true, wifi: undefined },
    ],
    [
      'Zero 2 W on Wi-Fi',
      BOARDS.ZERO2,
      { model: 'Raspberry Pi Zero 2 W Rev 1.0', celsius: 41, throttled: false, underVoltage: false, wifi: -54 },
    ],
    [
      'Pi 4 with Ubuntu: no firmware file; cool enough for its frequency to mean nothing',
      BOARDS.UBUNTU,
      {
        model: 'Raspberry Pi 4 Model B Rev 1.4',
        celsius: 79,
        throttled: false,
        underVoltage: undefined,
        wifi: undefined,
      },
    ],
    [
      'PC: the zone of the CPU, not that of the mainboard',
      BOARDS.PC,
      { model: 'Acme Box 3000', celsius: 61, throttled: undefined, underVoltage: undefined, wifi: undefined },
    ],
    [
      'a machine that tells nothing',
      {},
      { model: '', celsius: undefined, throttled: undefined, underVoltage: undefined, wifi: undefined },
    ],
  ];
  for (const [name, tree, expected] of boards) {
    it(name, async () => {
      const { sensors } = open(tree);
      const [{ model }, sample] = [await sensors.inventory(), await sensors.sample()];
      const { temperatureCelsius: celsius, throttled, underVoltage, wifi } = sample;
      assert.deepEqual({ model, celsius, throttled, underVoltage, wifi: wifi?.signalDbm }, expected);
    });
  }
  it('a hot and busy board that does not get its frequency is throttled', async () => {
    const { board, sensors } = open(BOARDS.UBUNTU);
    await sensors.sample();
    board.write('proc/stat', stat(190, 910));
    assert.equal((await sensors.sample()).throttled, true);
    board.write('sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq', '1800000\n');
    board.write('proc/stat', stat(280, 920));
    assert.equal((await sensors.sample()).throttled, false);
  });
  it('measure CPU between two readings', async () => {
    const { board, sensors } = open(BOARDS.PC);
    await sensors.sample();
    board.write('proc/stat', stat(150, 950));
    assert.equal((await sensors.sample()).cpuMillis, 2000);
  });
  it('tell two disks apart', async () => {
    const { root } = writeBoard({ ...BOARDS.PI4, 'data/here': '' });
    const options = { clock: createVirtualClock(), root, storagePath: () => '/', nodePath: () => '/data' };
    const { nodeDisk, diskTotalBytes } = await new LinuxSensors(options).sample();
    assert.equal(nodeDisk?.totalBytes, diskTotalBytes);
  });
  it('read the machine they run on, in less than a millisecond', async () => {
    const sensors = new LinuxSensors({ clock: createVirtualClock(), root: '', storagePath: () => '/' });
    const { cpus, memoryBytes } = await sensors.inventory();
    assert.ok(cpus > 0 && memoryBytes > 0);
    const times: number[] = [];
    for (let round = 0; round < 100; round += 1) {
      const before = process.hrtime.bigint();
      await sensors.sample();
      times.push(Number(process.hrtime.bigint() - before) / 1e6);
    }
    const best = Math.min(...times);
    assert.ok(best < 1, `${best} ms`);
  });
});

describe('texts of the kernel', () => {
  it('networks without those of the engine', () => {
    const dev =
      'docker0: 9 0 0 0 0 0 0 0 9 0\n br-1: 9 0 0 0 0 0 0 0 9 0\nlora0: 1 0 0 0 0 0 0 0 2 0\n end0:3 0 0 0 0 0 0 0 4 0\n';
    assert.deepEqual(parseNetworkBytes(dev), { receivedBytes: 4, sentBytes: 6 });
    assert.equal(parseNetworkBytes('lo: 1 0 0 0 0 0 0 0 1 0\n'), undefined);
  });
  const wireless: [string, ReturnType<typeof parseWifi>][] = [
    [' wlan0: 0000   70.  -30.  -256 0 0 0 0 0 0', { signalDbm: -30, qualityPercent: 100 }],
    [' wlan0: 0000   35   202   0 0 0 0 0 0 0', { signalDbm: -54, qualityPercent: 50 }],
    [' wlan0: 0000    0     0     0 0 0 0 0 0 0', undefined],
    [' face | tus | link level noise', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of wireless)
    it(`Wi-Fi ${JSON.stringify(text)}`, () => assert.deepEqual(parseWifi(text), expected));
  it('sectors written', () =>
    assert.deepEqual([parseWrittenBytes('1 2 3 4 5 6 7 8'), parseWrittenBytes('')], [3584, 0]));
  const hot = { currentKhz: 900, maxKhz: 1500, busyShare: 0.95, temperatureCelsius: 82, throttleCelsius: 80 };
  const guesses: [string, Partial<typeof hot>, boolean][] = [
    ['hot, busy and slow', {}, true],
    ['idle', { busyShare: 0.2 }, false],
    ['cool', { temperatureCelsius: 60 }, false],
    ['at its full frequency', { currentKhz: 1500 }, false],
  ];
  for (const [name, over, expected] of guesses) {
    it(`a board that is ${name}`, () => assert.equal(guessThrottled({ ...hot, ...over }), expected));
  }
});

describe('a board whose memory cgroup is off', () => {
  const id = 'abc';
  const status = (anonymous: number) =>
    `Name:\tx\nRssAnon:\t    ${anonymous} kB\nRssFile:\t  900 kB\nRssShmem:\t  24 kB\n`;
  const trees: [1 | 2, Tree][] = [
    [1, { [`cg/cpuacct/docker/${id}/cpuacct.usage`]: '5000\n', [`cg/cpuacct/docker/${id}/cgroup.procs`]: '10\n11\n' }],
    [
      2,
      {
        [`cg/docker/${id}/cpu.stat`]: 'usage_usec 5\n',
        [`cg/docker/${id}/cgroup.procs`]: '10\n11\n',
        [`cg/docker/${id}/pids.current`]: '7\n',
      },
    ],
  ];
  for (const [version, tree] of trees) {
    it(`counts what the processes hold, with cgroup version ${version}`, () => {
      const { root } = writeBoard({ ...tree, 'proc/10/status': status(1000), 'proc/11/status': status(500) });
      const options = { root: `${root}/cg`, procRoot: `${root}/proc`, driver: 'cgroupfs', version } as const;
      const stats = readCgroupStats(options, id, 0);
      assert.deepEqual(
        [stats?.workingSetBytes, stats?.cpuNanos, stats?.processes],
        [1548 * 1024, 5000, version === 2 ? 7 : undefined],
      );
    });
  }
});

describe('the dead band', () => {
  const sample = fc.record({
    cpuMillis: fc.nat(4000),
    memoryAvailableBytes: fc.nat(4 * 1024 ** 3),
    temperatureCelsius: fc.double({ min: 20, max: 95, noNaN: true }),
    diskAvailableBytes: fc.nat(32 * 1024 ** 3),
  });
  it('is told where a reader would be far off, and then is not told again', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 20 }), (samples) => {
        let told: Reading = { sample: SAMPLE, pods: [] };
        for (const over of samples) {
          const now: Reading = { sample: { ...SAMPLE, ...over }, pods: [] };
          if (isWorthTelling(told, now, INVENTORY)) told = now;
          assert.equal(isWorthTelling(told, now, INVENTORY), false);
          const { temperatureCelsius = 0, cpuMillis, memoryAvailableBytes } = told.sample;
          assert.ok(Math.abs(temperatureCelsius - over.temperatureCelsius) <= 2);
          assert.ok(Math.abs(cpuMillis - over.cpuMillis) <= 400);
          assert.ok(Math.abs(memoryAvailableBytes - over.memoryAvailableBytes) <= 0.05 * INVENTORY.memoryBytes);
        }
      }),
      { seed: 1, numRuns: 200 },
    );
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
    ['a Wi-Fi that came', { ...told, sample: { ...SAMPLE, wifi: { signalDbm: -60, qualityPercent: 70 } } }, true],
    ['bytes sent', { ...told, sample: { ...SAMPLE, network: { receivedBytes: 1e9, sentBytes: 1e9 } } }, false],
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
