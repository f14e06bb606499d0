/**
 * Sensors of a Linux board by files of /proc and /sys (adapter: reads files). A reading costs a fraction of a millisecond
 * and starts no process. Which files hold temperature and throttling is found once.
 */
import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../shared/platform/clock.ts';
import {
  type CpuTimes,
  computeCpuMillis,
  countCpus,
  parseCpuTimes,
  parseLoadAverage1,
  parseMemoryInfo,
  parseOsName,
  parsePageSize,
  parseThrottled,
  type ThrottleState,
  throttleCelsiusOf,
  trimNul,
} from './proc-files.ts';
import type { Inventory, Sample, Sensors } from './sensors.ts';

export interface LinuxSensorsOptions {
  clock: Clock;
  /** Before every path; empty for the machine itself, a folder of fixtures in tests. */
  root: string;
  /** A path on the file system whose free space counts; asked at each reading, as the engine's folder is known late. */
  storagePath(): string;
}

/** Zones that measure the CPU, in order of preference. */
const CPU_ZONES = ['cpu-thermal', 'cpu_thermal', 'soc-thermal', 'soc_thermal', 'x86_pkg_temp', 'acpitz'];

const DEFAULT_PAGE_BYTES = 4096;

interface Places {
  temperature: string | undefined;
  throttled: string | undefined;
  voltageAlarm: string | undefined;
}

export class LinuxSensors implements Sensors {
  readonly #options: LinuxSensorsOptions;
  #places: Promise<Places> | undefined;
  #cpuBefore: CpuTimes = { busyTicks: 0, totalTicks: 0 };

  constructor(options: LinuxSensorsOptions) {
    this.#options = options;
  }

  async inventory(): Promise<Inventory> {
    const model = trimNul((await this.#read('proc/device-tree/model')) || (await this.#readDmiModel()));
    const machineId = (await this.#read('etc/machine-id')).trim();
    const serial = trimNul(await this.#read('proc/device-tree/serial-number'));
    const auxv = await readFile(this.#path('proc/self/auxv')).catch(() => new Uint8Array());
    return {
      model,
      serial,
      cpus: countCpus(await this.#read('proc/stat')),
      memoryBytes: parseMemoryInfo(await this.#read('proc/meminfo')).totalBytes,
      pageSizeBytes: parsePageSize(auxv) ?? DEFAULT_PAGE_BYTES,
      machineId,
      systemUuid: (await this.#read('sys/class/dmi/id/product_uuid')).trim() || serial || machineId,
      bootId: (await this.#read('proc/sys/kernel/random/boot_id')).trim(),
      kernelVersion: (await this.#read('proc/sys/kernel/osrelease')).trim(),
      osImage: parseOsName((await this.#read('etc/os-release')) || (await this.#read('usr/lib/os-release'))),
      throttleCelsius: throttleCelsiusOf(model),
    };
  }

  async sample(): Promise<Sample> {
    const [stat, meminfo, loadavg] = await Promise.all(
      ['proc/stat', 'proc/meminfo', 'proc/loadavg'].map((path) => this.#read(path)),
    );
    const cpu = parseCpuTimes(stat ?? '');
    const cpuMillis = computeCpuMillis(this.#cpuBefore, cpu, countCpus(stat ?? ''));
    this.#cpuBefore = cpu;
    const memory = parseMemoryInfo(meminfo ?? '');
    this.#places ??= this.#findPlaces();
    const places = await this.#places;
    const throttle = await this.#readThrottle(places);
    return {
      atMs: this.#options.clock.nowMs(),
      cpuMillis,
      memoryAvailableBytes: memory.availableBytes,
      memoryTotalBytes: memory.totalBytes,
      loadAverage1: parseLoadAverage1(loadavg ?? ''),
      temperatureCelsius: await this.#readTemperature(places.temperature),
      throttled: throttle?.throttled,
      underVoltage: throttle?.underVoltage,
      ...(await this.#readDisk()),
    };
  }

  async #readTemperature(path: string | undefined): Promise<number | undefined> {
    if (path === undefined) return undefined;
    const text = (await this.#read(path)).trim();
    return text === '' ? undefined : Number(text) / 1000;
  }

  async #readThrottle({ throttled, voltageAlarm }: Places): Promise<ThrottleState | undefined> {
    if (throttled !== undefined) return parseThrottled(await this.#read(throttled));
    if (voltageAlarm === undefined) return undefined;
    return { underVoltage: (await this.#read(voltageAlarm)).trim() === '1', throttled: false };
  }

  async #readDisk(): Promise<Pick<Sample, 'diskTotalBytes' | 'diskAvailableBytes'>> {
    const stats = await statfs(this.#path(this.#options.storagePath())).catch(() => undefined);
    if (stats === undefined) return { diskTotalBytes: 0, diskAvailableBytes: 0 };
    return { diskTotalBytes: stats.blocks * stats.bsize, diskAvailableBytes: stats.bavail * stats.bsize };
  }

  async #findPlaces(): Promise<Places> {
    return {
      temperature: await this.#findTemperature(),
      throttled: await this.#findThrottled(),
      voltageAlarm: await this.#findVoltageAlarm(),
    };
  }

  async #findTemperature(): Promise<string | undefined> {
    const base = 'sys/class/thermal';
    const zones = (await this.#list(base)).filter((name) => name.startsWith('thermal_zone')).sort();
    const found = await Promise.all(
      zones.map(async (zone) => ({ zone, type: (await this.#read(`${base}/${zone}/type`)).trim() })),
    );
    const best = CPU_ZONES.map((type) => found.find((item) => item.type === type)).find((item) => item !== undefined);
    const zone = best?.zone ?? zones[0];
    return zone === undefined ? undefined : `${base}/${zone}/temp`;
  }

  /** `soc:firmware` below `soc` on a Pi 4, `soc@107c000000:firmware` below `soc@107c000000` on a Pi 5. */
  async #findThrottled(): Promise<string | undefined> {
    const base = 'sys/devices/platform';
    for (const soc of (await this.#list(base)).filter((name) => name.startsWith('soc'))) {
      const firmware = (await this.#list(`${base}/${soc}`)).find((name) => name.endsWith('firmware'));
      const path = `${base}/${soc}/${firmware}/get_throttled`;
      if (firmware !== undefined && (await this.#read(path)) !== '') return path;
    }
    return undefined;
  }

  async #findVoltageAlarm(): Promise<string | undefined> {
    const base = 'sys/class/hwmon';
    for (const device of (await this.#list(base)).sort()) {
      if ((await this.#read(`${base}/${device}/name`)).trim() === 'rpi_volt')
        return `${base}/${device}/in0_lcrit_alarm`;
    }
    return undefined;
  }

  async #readDmiModel(): Promise<string> {
    const [vendor, product] = await Promise.all(
      ['sys_vendor', 'product_name'].map((name) => this.#read(`sys/class/dmi/id/${name}`)),
    );
    return `${vendor ?? ''} ${product ?? ''}`.replaceAll('\n', '').trim();
  }

  /** Empty where there is no such file: boards differ. */
  #read(path: string): Promise<string> {
    return readFile(this.#path(path), 'utf8').catch(() => '');
  }

  #list(path: string): Promise<string[]> {
    return readdir(this.#path(path)).catch(() => []);
  }

  #path(path: string): string {
    return join(this.#options.root || '/', path);
  }
}
