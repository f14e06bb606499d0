/**
 * Sensors of a Linux board by files of /proc and /sys. A reading costs a fraction of a millisecond and starts no process.
 * Which files hold temperature and throttling is found once.
 */
import type { Clock } from '../../shared/platform/clock.ts';
import { FileTree } from './file-tree.ts';
import {
  type CpuTimes,
  computeCpuMillis,
  countCpus,
  guessThrottled,
  parseCpuTimes,
  parseLoadAverage1,
  parseMemoryInfo,
  parseNetworkBytes,
  parseOsName,
  parsePageSize,
  parseProcessCount,
  parseThrottled,
  parseWifi,
  parseWrittenBytes,
  throttleCelsiusOf,
  trimNul,
} from './proc-files.ts';
import { findSensorPlaces, type SensorPlaces } from './sensor-places.ts';
import type { DiskReading, Inventory, Sample, Sensors } from './sensors.ts';

export interface LinuxSensorsOptions {
  clock: Clock;
  /** Before every path; empty for the machine itself, a folder of fixtures in tests. */
  root: string;
  /** A path on the file system of images and containers; asked at each reading, as the engine's folder is known late. */
  storagePath(): string;
  /** A path on the file system of the agent's data; absent: the same file system. */
  nodePath?(): string;
}

const DEFAULT_PAGE_BYTES = 4096;

export class LinuxSensors implements Sensors {
  readonly #options: LinuxSensorsOptions;
  readonly #tree: FileTree;
  #places: SensorPlaces | undefined;
  #throttleCelsius: number | undefined;
  #cpuBefore: CpuTimes = { busyTicks: 0, totalTicks: 0 };

  constructor(options: LinuxSensorsOptions) {
    this.#options = options;
    this.#tree = new FileTree(options.root);
  }

  async inventory(): Promise<Inventory> {
    const tree = this.#tree;
    const model = this.#readModel();
    const machineId = tree.readLine('etc/machine-id');
    const serial = trimNul(tree.read('proc/device-tree/serial-number'));
    const auxv = tree.readBytes('proc/self/auxv') ?? new Uint8Array();
    return {
      model,
      serial,
      cpus: countCpus(tree.read('proc/stat')),
      memoryBytes: parseMemoryInfo(tree.read('proc/meminfo')).totalBytes,
      pageSizeBytes: parsePageSize(auxv) ?? DEFAULT_PAGE_BYTES,
      machineId,
      systemUuid: tree.readLine('sys/class/dmi/id/product_uuid') || serial || machineId,
      bootId: tree.readLine('proc/sys/kernel/random/boot_id'),
      kernelVersion: tree.readLine('proc/sys/kernel/osrelease'),
      osImage: parseOsName(tree.read('etc/os-release') || tree.read('usr/lib/os-release')),
      throttleCelsius: throttleCelsiusOf(model),
    };
  }

  async sample(): Promise<Sample> {
    const tree = this.#tree;
    this.#places ??= findSensorPlaces(tree);
    const places = this.#places;
    const stat = tree.read('proc/stat');
    const cpus = countCpus(stat);
    const cpuMillis = this.#measureCpu(stat, cpus);
    const memory = parseMemoryInfo(tree.read('proc/meminfo'));
    const load = tree.read('proc/loadavg');
    const temperatureCelsius = this.#readTemperature(places);
    const busyShare = cpus === 0 ? 0 : cpuMillis / (cpus * 1000);
    return {
      atMs: this.#options.clock.nowMs(),
      cpuMillis,
      memoryAvailableBytes: memory.availableBytes,
      memoryTotalBytes: memory.totalBytes,
      loadAverage1: parseLoadAverage1(load),
      temperatureCelsius,
      ...this.#readThrottle(places, { busyShare, temperatureCelsius }),
      ...(await this.disks()),
      processes: places.maxProcesses === 0 ? undefined : { count: parseProcessCount(load), max: places.maxProcesses },
      network: parseNetworkBytes(tree.read('proc/net/dev')),
      wifi: parseWifi(tree.read('proc/net/wireless')),
      diskWrittenBytes: this.#readWritten(places),
    };
  }

  #measureCpu(stat: string, cpus: number): number {
    const cpu = parseCpuTimes(stat);
    const millis = computeCpuMillis(this.#cpuBefore, cpu, cpus);
    this.#cpuBefore = cpu;
    return millis;
  }

  #readTemperature({ temperature }: SensorPlaces): number | undefined {
    if (temperature === undefined) return undefined;
    const text = this.#tree.readLine(temperature);
    return text === '' ? undefined : Number(text) / 1000;
  }

  /** The alarm of the kernel's driver for the voltage, the firmware for the rest; the frequency where neither is there. */
  #readThrottle(
    places: SensorPlaces,
    cpu: { busyShare: number; temperatureCelsius: number | undefined },
  ): Pick<Sample, 'throttled' | 'underVoltage'> {
    const { throttled, voltageAlarm } = places;
    const firmware = throttled === undefined ? undefined : parseThrottled(this.#tree.read(throttled));
    const alarm = voltageAlarm === undefined ? undefined : this.#tree.readLine(voltageAlarm) === '1';
    return {
      throttled: firmware?.throttled ?? this.#guessThrottled(places, cpu),
      underVoltage: alarm ?? firmware?.underVoltage,
    };
  }

  #guessThrottled(
    { frequency }: SensorPlaces,
    cpu: { busyShare: number; temperatureCelsius: number | undefined },
  ): boolean | undefined {
    if (frequency === undefined) return undefined;
    this.#throttleCelsius ??= throttleCelsiusOf(this.#readModel());
    const currentKhz = Number(this.#tree.readLine(frequency.current));
    return guessThrottled({ ...cpu, ...frequency, currentKhz, throttleCelsius: this.#throttleCelsius });
  }

  async disks(): Promise<DiskReading> {
    const { storagePath, nodePath } = this.#options;
    const images = this.#tree.space(storagePath());
    return {
      diskTotalBytes: images?.totalBytes ?? 0,
      diskAvailableBytes: images?.availableBytes ?? 0,
      nodeDisk: nodePath === undefined ? undefined : this.#tree.space(nodePath()),
    };
  }

  #readWritten({ disks }: SensorPlaces): number | undefined {
    if (disks.length === 0) return undefined;
    return disks.reduce((total, path) => total + parseWrittenBytes(this.#tree.read(path)), 0);
  }

  #readModel(): string {
    const [vendor, product] = ['sys_vendor', 'product_name'].map((name) =>
      this.#tree.readLine(`sys/class/dmi/id/${name}`),
    );
    return trimNul(this.#tree.read('proc/device-tree/model')) || `${vendor} ${product}`.trim();
  }
}
