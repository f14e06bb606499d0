/** What a board says of itself. Implementations: files of /proc and /sys on Linux, systeminformation elsewhere, a simulation. */

/** Facts that change at most at a reboot. */
export interface Inventory {
  /** `Raspberry Pi 4 Model B Rev 1.4`, or what the machine calls itself; empty when unknown. */
  model: string;
  serial: string;
  cpus: number;
  memoryBytes: number;
  pageSizeBytes: number;
  machineId: string;
  systemUuid: string;
  bootId: string;
  kernelVersion: string;
  osImage: string;
  /** Temperature at which the board throttles, °C. */
  throttleCelsius: number;
}

/** One reading; undefined where the board has no such sensor. */
export interface Sample {
  atMs: number;
  /** CPU in use over the time since the sample before, in thousandths of a CPU. */
  cpuMillis: number;
  memoryAvailableBytes: number;
  memoryTotalBytes: number;
  loadAverage1: number;
  temperatureCelsius: number | undefined;
  throttled: boolean | undefined;
  underVoltage: boolean | undefined;
  /** Of the file system that holds the container engine's data. */
  diskTotalBytes: number;
  diskAvailableBytes: number;
  /** Of the file system that holds the agent's data and the pods' volumes; absent: it is the same one. */
  nodeDisk?: { totalBytes: number; availableBytes: number } | undefined;
  /** Processes and threads that there are, and that there may be. */
  processes?: { count: number; max: number } | undefined;
  /** Through the board's own interfaces, since boot. */
  network?: { receivedBytes: number; sentBytes: number } | undefined;
  /** Absent without Wi-Fi, or while it is not connected. */
  wifi?: { signalDbm: number; qualityPercent: number } | undefined;
  /** Written to the board's own disks since boot: what wears out an SD card. */
  diskWrittenBytes?: number | undefined;
}

export interface Sensors {
  inventory(): Promise<Inventory>;
  sample(): Promise<Sample>;
  /** The file systems alone, as they are now; absent: a whole sample has to do. */
  disks?(): Promise<DiskReading>;
}

export type DiskReading = Pick<Sample, 'diskTotalBytes' | 'diskAvailableBytes' | 'nodeDisk'>;
