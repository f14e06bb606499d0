/** Pure: readings out of the texts of /proc and /sys. Source: proc(5); the kernel's Documentation/hwmon and thermal. */

export interface CpuTimes {
  /** Clock ticks in which the CPUs did something, and all ticks, since boot. */
  busyTicks: number;
  totalTicks: number;
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal (guest is part of user). */
export function parseCpuTimes(stat: string): CpuTimes {
  const line = stat.split('\n').find((text) => text.startsWith('cpu ')) ?? '';
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const totalTicks = ticks.reduce((sum, value) => sum + value, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busyTicks: totalTicks - idle, totalTicks };
}

export function countCpus(stat: string): number {
  return stat.split('\n').filter((text) => /^cpu\d+ /.test(text)).length;
}

/** CPU in use between two readings, in thousandths of a CPU. */
export function computeCpuMillis(before: CpuTimes, now: CpuTimes, cpus: number): number {
  const total = now.totalTicks - before.totalTicks;
  if (total <= 0) return 0;
  const share = Math.min(1, Math.max(0, (now.busyTicks - before.busyTicks) / total));
  return Math.round(share * cpus * 1000);
}

export interface MemoryInfo {
  totalBytes: number;
  availableBytes: number;
}

/** /proc/meminfo: `MemAvailable:   123 kB`. */
export function parseMemoryInfo(meminfo: string): MemoryInfo {
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return { totalBytes: read('MemTotal'), availableBytes: read('MemAvailable') };
}

/** /proc/loadavg: `0.20 0.18 0.12 1/80 11206`. */
export function parseLoadAverage1(loadavg: string): number {
  return Number(loadavg.split(' ')[0]) || 0;
}

/** Kernel tasks out of /proc/loadavg: the second number of `1/80`. */
export function parseProcessCount(loadavg: string): number {
  return Number(loadavg.split(' ')[3]?.split('/')[1]) || 0;
}

export interface NetworkBytes {
  receivedBytes: number;
  sentBytes: number;
}

/** Interfaces that only exist on this machine: what passes there passes on the board's own ones too, or goes nowhere. */
const INTERNAL_INTERFACES = /^(lo$|docker\d|br-|veth|virbr|cni|flannel|cali|dummy|ifb)/;

/** Sum of the board's own interfaces out of /proc/net/dev: `eth0: <received bytes> <7 more> <sent bytes> …`. */
export function parseNetworkBytes(dev: string): NetworkBytes | undefined {
  const own = Array.from(dev.matchAll(/^\s*([^\s:]+):\s*(.*)$/gm))
    .filter(([, name = '']) => !INTERNAL_INTERFACES.test(name))
    .map(([, , numbers = '']) => numbers.split(/\s+/).map(Number));
  if (own.length === 0) return undefined;
  const sum = (column: number): number => own.reduce((total, numbers) => total + (numbers[column] ?? 0), 0);
  return { receivedBytes: sum(0), sentBytes: sum(8) };
}

export interface WifiLink {
  signalDbm: number;
  qualityPercent: number;
}

/** cfg80211 gives the quality of a link as a number up to this. Source: the kernel's net/wireless/wext-compat.c. */
const MAX_LINK_QUALITY = 70;

/** First interface of /proc/net/wireless: ` wlan0: 0000   58.  -52.  -256 …`. Not connected: all is zero. */
export function parseWifi(wireless: string): WifiLink | undefined {
  const match = /^\s*[^\s:|]+:\s+\S+\s+(-?\d+)\.?\s+(-?\d+)\.?/m.exec(wireless);
  if (match === null) return undefined;
  const [quality, level] = [Number(match[1]), Number(match[2])];
  // Drivers write the level as a signed byte, some as an unsigned one.
  const signalDbm = level > 63 ? level - 256 : level;
  if (signalDbm >= 0 || quality <= 0) return undefined;
  return { signalDbm, qualityPercent: Math.min(100, Math.round((quality / MAX_LINK_QUALITY) * 100)) };
}

/** The unit of /sys/block/<disk>/stat, whatever the disk's own sectors are. Source: Documentation/block/stat.rst. */
const SECTOR_BYTES = 512;

/** Bytes written since boot: the seventh number. */
export function parseWrittenBytes(stat: string): number {
  return (Number(stat.trim().split(/\s+/)[6]) || 0) * SECTOR_BYTES;
}

export interface Frequency {
  currentKhz: number;
  maxKhz: number;
}

/** Busier than this, a CPU runs at its full frequency unless something holds it back. */
const BUSY_SHARE = 0.8;
const FULL_FREQUENCY_SHARE = 0.9;
/** A board slows itself down a little below the temperature that it names. */
const THROTTLE_MARGIN_CELSIUS = 3;

export interface FrequencyInput extends Frequency {
  /** Share of all CPUs that was busy. */
  busyShare: number;
  temperatureCelsius: number | undefined;
  throttleCelsius: number;
}

/**
 * Where the firmware does not tell: a hot board whose busy CPU does not get its full frequency slows itself down. A cool or an
 * idle one saves power. undefined: it cannot be told.
 */
export function guessThrottled(input: FrequencyInput): boolean | undefined {
  const { currentKhz, maxKhz, busyShare, temperatureCelsius, throttleCelsius } = input;
  if (temperatureCelsius === undefined || currentKhz <= 0 || maxKhz <= 0) return undefined;
  const isHot = temperatureCelsius >= throttleCelsius - THROTTLE_MARGIN_CELSIUS;
  return isHot && busyShare >= BUSY_SHARE && currentKhz < maxKhz * FULL_FREQUENCY_SHARE;
}

export interface ThrottleState {
  underVoltage: boolean;
  throttled: boolean;
}

/** The firmware's word: bit 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft temperature limit, each right now. */
export function parseThrottled(text: string): ThrottleState | undefined {
  const word = Number.parseInt(text.trim(), 16);
  if (Number.isNaN(word)) return undefined;
  return { underVoltage: (word & 0b0001) !== 0, throttled: (word & 0b1110) !== 0 };
}

/** PRETTY_NAME of os-release(5). */
export function parseOsName(osRelease: string): string {
  return /^PRETTY_NAME=["']?([^"'\n]*)["']?$/m.exec(osRelease)?.[1] ?? '';
}

const AT_PAGESZ = 6n;

/** The page size out of the auxiliary vector: pairs of 64-bit words. Source: getauxval(3). */
export function parsePageSize(auxv: Uint8Array): number | undefined {
  const view = new DataView(auxv.buffer, auxv.byteOffset, auxv.byteLength);
  for (let offset = 0; offset + 16 <= auxv.byteLength; offset += 16) {
    if (view.getBigUint64(offset, true) === AT_PAGESZ) return Number(view.getBigUint64(offset + 8, true));
  }
  return undefined;
}

/** Device-tree texts end in NUL. */
export function trimNul(text: string): string {
  return text.replaceAll('\0', '').trim();
}

/**
 * Temperature at which a board slows itself down, °C. Source: Raspberry Pi documentation, "Frequency management and thermal
 * control": 80 on all models, but the 3A+ and 3B+ have a soft limit at 60.
 */
export function throttleCelsiusOf(model: string): number {
  if (/Raspberry Pi 3 Model [AB] Plus/i.test(model)) return 60;
  return /Raspberry Pi/i.test(model) ? 80 : 90;
}
