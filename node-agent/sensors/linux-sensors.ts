/**
 * Sensors of a Linux board by files of /proc and /sys (adapter: reads files). A reading costs a fraction of a millisecond
 * and starts no process. Which files hold temperature and throttling is found once. Files are read synchronously: the kernel
 * answers from memory, and a thread of the pool would cost more than the file.
 */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
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
  #places: Places | undefined;
  #cpuBefore: CpuTimes = { busyTicks: 0, totalTicks: 0 };

  constructor(options: LinuxSensorsOptions) {
    this.#options = options;
  }

  async inventory(): Promise<Inventory> {
    const model = trimNul(this.#read('proc/device-tree/model') || this.#readDmiModel());
    const machineId = this.#read('etc/machine-id').trim();
    const serial = trimNul(this.#read('proc/device-tree/serial-number'));
    const auxv = this.#readBytes('proc/self/auxv') ?? new Uint8Array();
    return {
      model,
      serial,
      cpus: countCpus(this.#read('proc/stat')),
      memoryBytes: parseMemoryInfo(this.#read('proc/meminfo')).totalBytes,
      pageSizeBytes: parsePageSize(auxv) ?? DEFAULT_PAGE_BYTES,
      machineId,
      systemUuid: this.#read('sys/class/dmi/id/product_uuid').trim() || serial || machineId,
      bootId: this.#read('proc/sys/kernel/random/boot_id').trim(),
      kernelVersion: this.#read('proc/sys/kernel/osrelease').trim(),
      osImage: parseOsName(this.#read('etc/os-release') || this.#read('usr/lib/os-release')),
      throttleCelsius: throttleCelsiusOf(model),
    };
  }

  async sample(): Promise<Sample> {
    const stat = this.#read('proc/stat');
    const cpu = parseCpuTimes(stat);
    const cpuMillis = computeCpuMillis(this.#cpuBefore, cpu, countCpus(stat));
    this.#cpuBefore = cpu;
    const memory = parseMemoryInfo(this.#read('proc/meminfo'));
    this.#places ??= this.#findPlaces();
    const places = this.#places;
    const throttle = this.#readThrottle(places);
    return {
      atMs: this.#options.clock.nowMs(),
      cpuMillis,
      memoryAvailableBytes: memory.availableBytes,
      memoryTotalBytes: memory.totalBytes,
      loadAverage1: parseLoadAverage1(this.#read('proc/loadavg')),
      temperatureCelsius: this.#readTemperature(places.temperature),
      throttled: throttle?.throttled,
      underVoltage: throttle?.underVoltage,
      ...this.#readDisk(),
    };
  }

  #readTemperature(path: string | undefined): number | undefined {
    if (path === undefined) return undefined;
    const text = this.#read(path).trim();
    return text === '' ? undefined : Number(text) / 1000;
  }

  #readThrottle({ throttled, voltageAlarm }: Places): ThrottleState | undefined {
    if (throttled !== undefined) return parseThrottled(this.#read(throttled));
    if (voltageAlarm === undefined) return undefined;
    return { underVoltage: this.#read(voltageAlarm).trim() === '1', throttled: false };
  }

  #readDisk(): Pick<Sample, 'diskTotalBytes' | 'diskAvailableBytes'> {
    const stats = orElse(() => statfsSync(this.#path(this.#options.storagePath())), undefined);
    if (stats === undefined) return { diskTotalBytes: 0, diskAvailableBytes: 0 };
    return { diskTotalBytes: stats.blocks * stats.bsize, diskAvailableBytes: stats.bavail * stats.bsize };
  }

  #findPlaces(): Places {
    return {
      temperature: this.#findTemperature(),
      throttled: this.#findThrottled(),
      voltageAlarm: this.#findVoltageAlarm(),
    };
  }

  #findTemperature(): string | undefined {
    const base = 'sys/class/thermal';
    const zones = this.#list(base)
      .filter((name) => name.startsWith('thermal_zone'))
      .sort();
    const found = zones.map((zone) => ({ zone, type: this.#read(`${base}/${zone}/type`).trim() }));
    const best = CPU_ZONES.map((type) => found.find((item) => item.type === type)).find((item) => item !== undefined);
    const zone = best?.zone ?? zones[0];
    return zone === undefined ? undefined : `${base}/${zone}/temp`;
  }

  /** `soc:firmware` below `soc` on a Pi 4, `soc@107c000000:firmware` below `soc@107c000000` on a Pi 5. */
  #findThrottled(): string | undefined {
    const base = 'sys/devices/platform';
    for (const soc of this.#list(base).filter((name) => name.startsWith('soc'))) {
      const firmware = this.#list(`${base}/${soc}`).find((name) => name.endsWith('firmware'));
      const path = `${base}/${soc}/${firmware}/get_throttled`;
      if (firmware !== undefined && this.#read(path) !== '') return path;
    }
    return undefined;
  }

  #findVoltageAlarm(): string | undefined {
    const base = 'sys/class/hwmon';
    for (const device of this.#list(base).sort()) {
      if (this.#read(`${base}/${device}/name`).trim() === 'rpi_volt') return `${base}/${device}/in0_lcrit_alarm`;
    }
    return undefined;
  }

  #readDmiModel(): string {
    const [vendor = '', product = ''] = ['sys_vendor', 'product_name'].map((name) =>
      this.#read(`sys/class/dmi/id/${name}`),
    );
    return `${vendor} ${product}`.replaceAll('\n', '').trim();
  }

  /** Empty where there is no such file: boards differ. */
  #read(path: string): string {
    return orElse(() => readFileSync(this.#path(path), 'utf8'), '');
  }

  #readBytes(path: string): Uint8Array | undefined {
    return orElse(() => readFileSync(this.#path(path)), undefined);
  }

  #list(path: string): string[] {
    return orElse(() => readdirSync(this.#path(path)), []);
  }

  #path(path: string): string {
    return join(this.#options.root || '/', path);
  }
}

function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
