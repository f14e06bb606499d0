/** Where a board keeps its sensors: found once, because kernels and models differ and looking costs more than reading. */
import type { FileTree } from './file-tree.ts';

/** Paths below the root; undefined where the board has no such sensor. */
export interface SensorPlaces {
  temperature: string | undefined;
  /** The firmware's word about voltage and frequency. */
  throttled: string | undefined;
  /** Raspberry Pi's under-voltage alarm, which the kernel asks the firmware for every two seconds. */
  voltageAlarm: string | undefined;
  /** Present frequency of the first CPU, and the highest one. */
  frequency: { current: string; maxKhz: number } | undefined;
  /** `stat` files of the board's own disks. */
  disks: string[];
  /** Most processes and threads that the kernel allows. */
  maxProcesses: number;
}

/** Zones that measure the CPU, in order of preference. */
const CPU_ZONES = ['cpu-thermal', 'cpu_thermal', 'soc-thermal', 'soc_thermal', 'x86_pkg_temp', 'acpitz'];

/** SD card and eMMC, USB and SATA, NVMe, virtual machines. Partitions, loops, zram and RAID are counted with their disks. */
const DISK = /^(mmcblk\d+|sd[a-z]+|nvme\d+n\d+|vd[a-z]+|xvd[a-z]+)$/;

export function findSensorPlaces(tree: FileTree): SensorPlaces {
  return {
    temperature: findTemperature(tree),
    throttled: findThrottled(tree),
    voltageAlarm: findVoltageAlarm(tree),
    frequency: findFrequency(tree),
    disks: tree
      .list('sys/block')
      .filter((name) => DISK.test(name))
      .map((name) => `sys/block/${name}/stat`),
    maxProcesses: findMaxProcesses(tree),
  };
}

function findTemperature(tree: FileTree): string | undefined {
  const base = 'sys/class/thermal';
  const zones = tree.list(base).filter((name) => name.startsWith('thermal_zone'));
  const found = zones.map((zone) => ({ zone, type: tree.readLine(`${base}/${zone}/type`) }));
  const best = CPU_ZONES.map((type) => found.find((item) => item.type === type)).find((item) => item !== undefined);
  const zone = best?.zone ?? zones[0];
  return zone === undefined ? undefined : `${base}/${zone}/temp`;
}

/** `soc:firmware` below `soc` on a Pi 4, `soc@107c000000:firmware` below `soc@107c000000` on a Pi 5. */
function findThrottled(tree: FileTree): string | undefined {
  const base = 'sys/devices/platform';
  for (const soc of tree.list(base).filter((name) => name.startsWith('soc'))) {
    const firmware = tree.list(`${base}/${soc}`).find((name) => name.endsWith('firmware'));
    const path = `${base}/${soc}/${firmware}/get_throttled`;
    if (firmware !== undefined && tree.read(path) !== '') return path;
  }
  return undefined;
}

function findVoltageAlarm(tree: FileTree): string | undefined {
  const base = 'sys/class/hwmon';
  const device = tree.list(base).find((name) => tree.readLine(`${base}/${name}/name`) === 'rpi_volt');
  const path = `${base}/${device}/in0_lcrit_alarm`;
  return device !== undefined && tree.read(path) !== '' ? path : undefined;
}

/** `cpuinfo_cur_freq` is what the hardware does, for root only; `scaling_cur_freq` what was asked for. */
function findFrequency(tree: FileTree): SensorPlaces['frequency'] {
  const base = 'sys/devices/system/cpu/cpu0/cpufreq';
  const maxKhz = Number(tree.readLine(`${base}/cpuinfo_max_freq`));
  const current = ['cpuinfo_cur_freq', 'scaling_cur_freq'].find((name) => Number(tree.readLine(`${base}/${name}`)) > 0);
  return current === undefined || !(maxKhz > 0) ? undefined : { current: `${base}/${current}`, maxKhz };
}

function findMaxProcesses(tree: FileTree): number {
  const limits = ['pid_max', 'threads-max'].map((name) => Number(tree.readLine(`proc/sys/kernel/${name}`)));
  const known = limits.filter((limit) => limit > 0);
  return known.length === 0 ? 0 : Math.min(...known);
}
