/** Pure: whether a reading differs enough from the one that was told last. A quiet node is quiet on the wire. */
import type { Inventory, Sample } from './sensors.ts';

export interface PodUsage {
  namespace: string;
  name: string;
  uid: string;
  containers: { name: string; cpuMillis: number; memoryBytes: number; processes?: number | undefined }[];
}

export interface Reading {
  sample: Sample;
  pods: PodUsage[];
}

/** Shares of the board's own size, so that a Zero and a Pi 5 are judged alike. */
const CPU_BAND = 0.1;
const MEMORY_BAND = 0.05;
const DISK_BAND = 0.02;
const TEMPERATURE_BAND_CELSIUS = 2;
const POD_CPU_BAND = 0.05;
const POD_MEMORY_BAND = 0.03;
const WIFI_BAND_DBM = 8;

type Size = Pick<Inventory, 'cpus' | 'memoryBytes' | 'throttleCelsius'>;

export function isWorthTelling(told: Reading, now: Reading, size: Size): boolean {
  const [a, b] = [told.sample, now.sample];
  const cpuBand = CPU_BAND * size.cpus * 1000;
  return (
    a.throttled !== b.throttled ||
    a.underVoltage !== b.underVoltage ||
    differs(a.cpuMillis, b.cpuMillis, cpuBand) ||
    differs(a.memoryAvailableBytes, b.memoryAvailableBytes, MEMORY_BAND * size.memoryBytes) ||
    differs(a.diskAvailableBytes, b.diskAvailableBytes, DISK_BAND * b.diskTotalBytes) ||
    isTemperatureNews(a.temperatureCelsius, b.temperatureCelsius, size.throttleCelsius) ||
    isWifiNews(a.wifi, b.wifi) ||
    arePodsNews(told.pods, now.pods, size)
  );
}

function differs(told: number, now: number, band: number): boolean {
  return Math.abs(told - now) > band;
}

/** The step over the throttling temperature is news, however small. */
function isTemperatureNews(told: number | undefined, now: number | undefined, throttleCelsius: number): boolean {
  if (told === undefined || now === undefined) return told !== now;
  return differs(told, now, TEMPERATURE_BAND_CELSIUS) || told >= throttleCelsius !== now >= throttleCelsius;
}

/** Bytes sent, received and written go up all the time: they are told along with other news. */
function isWifiNews(told: Sample['wifi'], now: Sample['wifi']): boolean {
  if (told === undefined || now === undefined) return told !== now;
  return differs(told.signalDbm, now.signalDbm, WIFI_BAND_DBM);
}

function arePodsNews(told: readonly PodUsage[], now: readonly PodUsage[], size: Size): boolean {
  const before = new Map(told.flatMap((pod) => pod.containers.map((use) => [`${pod.uid}/${use.name}`, use] as const)));
  const uses = now.flatMap((pod) => pod.containers.map((use) => [`${pod.uid}/${use.name}`, use] as const));
  if (uses.length !== before.size) return true;
  return uses.some(([key, use]) => {
    const old = before.get(key);
    if (old === undefined) return true;
    const isCpuNews = differs(old.cpuMillis, use.cpuMillis, POD_CPU_BAND * size.cpus * 1000);
    return isCpuNews || differs(old.memoryBytes, use.memoryBytes, POD_MEMORY_BAND * size.memoryBytes);
  });
}
