/**
 * The only file that knows systeminformation (adapter), loaded when it is needed: it starts processes, which costs a board
 * some hundred milliseconds a call. It fills in what the files of a Linux machine do not say, and serves other systems.
 */
import { existsSync } from 'node:fs';
import { LinuxSensors, type LinuxSensorsOptions } from './linux-sensors.ts';
import { throttleCelsiusOf } from './proc-files.ts';
import type { Inventory, Sample, Sensors } from './sensors.ts';

/** Without it (small virtual machines) programs would be started, and megabytes loaded, to find out nothing. */
const FIRMWARE_FACTS = '/sys/class/dmi';

export function createSystemSensors(options: LinuxSensorsOptions, platform: NodeJS.Platform): Sensors {
  const linux = new LinuxSensors(options);
  if (platform !== 'linux') return createForeignSensors(options);
  return {
    sample: () => linux.sample(),
    disks: () => linux.disks(),
    async inventory() {
      const inventory = await linux.inventory();
      // A tree of fixtures is the whole world of a test.
      if (inventory.model !== '' || options.root !== '' || !existsSync(FIRMWARE_FACTS)) return inventory;
      const { manufacturer, model } = await (await load()).system();
      return { ...inventory, model: `${manufacturer} ${model}`.trim() };
    },
  };
}

function createForeignSensors({ clock, storagePath }: LinuxSensorsOptions): Sensors {
  return {
    inventory: inventoryOfForeign,
    async sample(): Promise<Sample> {
      const si = await load();
      const [load1, memory, temperature, disks] = await Promise.all([
        si.currentLoad(),
        si.mem(),
        si.cpuTemperature(),
        si.fsSize(),
      ]);
      const disk = disks
        .filter(({ mount }) => storagePath().startsWith(mount))
        .sort((a, b) => b.mount.length - a.mount.length)[0];
      return {
        atMs: clock.nowMs(),
        cpuMillis: Math.round(load1.currentLoad * load1.cpus.length * 10),
        memoryAvailableBytes: memory.available,
        memoryTotalBytes: memory.total,
        loadAverage1: load1.avgLoad,
        temperatureCelsius: temperature.main ?? undefined,
        throttled: undefined,
        underVoltage: undefined,
        diskTotalBytes: disk?.size ?? 0,
        diskAvailableBytes: disk?.available ?? 0,
      };
    },
  };
}

async function inventoryOfForeign(): Promise<Inventory> {
  const si = await load();
  const [system, cpu, memory, os] = await Promise.all([si.system(), si.cpu(), si.mem(), si.osInfo()]);
  const model = `${system.manufacturer} ${system.model}`.trim();
  return {
    model,
    serial: system.serial,
    cpus: cpu.cores,
    memoryBytes: memory.total,
    pageSizeBytes: 4096,
    machineId: system.uuid,
    systemUuid: system.uuid,
    bootId: '',
    kernelVersion: os.kernel,
    osImage: `${os.distro} ${os.release}`,
    throttleCelsius: throttleCelsiusOf(model),
  };
}

async function load() {
  return (await import('systeminformation')).default;
}
