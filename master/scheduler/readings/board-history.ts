/**
 * The readings of one board over time, and what they say of it now: smoothed load with its peaks, temperature with its
 * trend, and what the pods that were just placed will add. Readings that are too old say nothing.
 */
import { MAX_READING_AGE_MS } from '../../../shared/machinery/temperature.ts';
import { addTrendPoint, type TrendPoint, trendPerMinute } from '../../../shared/machinery/trend.ts';
import type { BoardReading } from './board-reading.ts';
import { averageAt, fade, observe, peakAt, type Smoothed, type SmoothingWindows } from './smoothing.ts';

export interface LoadSettings {
  readonly windows: SmoothingWindows;
  /** 0: only the average counts; 1: only the peak. */
  readonly peakShare: number;
}

export interface HeatSettings {
  /** A trend is followed so far ahead. */
  readonly forecastMs: number;
  /** By how much a board under full load gets hotter than an idle one: what a placement will do to it. */
  readonly fullLoadRiseCelsius: number;
}

/** What is known of a board at a moment; undefined: nothing, or nothing that can be believed. */
export interface BoardEstimate {
  readonly cpuMillis: number | undefined;
  readonly memoryAvailableBytes: number | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly trendCelsiusPerMinute: number;
  /** Where the temperature goes; never below what it is. */
  readonly forecastCelsius: number | undefined;
  readonly throttleCelsius: number;
  readonly isInDistress: boolean;
  /** Assumed use of pods that are not in the readings yet. */
  readonly arriving: Arriving;
}

export interface Arriving {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

export interface ReadingSettings {
  readonly load: LoadSettings;
  readonly heat: HeatSettings;
}

export const DEFAULT_READING_SETTINGS: ReadingSettings = {
  load: { windows: { averageMs: 60_000, peakMs: 600_000 }, peakShare: 0.3 },
  heat: { forecastMs: 120_000, fullLoadRiseCelsius: 25 },
};

const NOTHING: Arriving = { cpuMillis: 0, memoryBytes: 0 };

export class BoardHistory {
  #settings: ReadingSettings;
  #latest: BoardReading | undefined;
  #cpu: Smoothed | undefined;
  /** Memory that is taken, as the negative of what is available: its peaks are the moments of need. */
  #memory: Smoothed | undefined;
  #temperatures: TrendPoint[] = [];
  #arriving: Arriving = NOTHING;
  #arrivingAtMs = 0;

  constructor(settings: ReadingSettings) {
    this.#settings = settings;
  }

  configure(settings: ReadingSettings): void {
    this.#settings = settings;
  }

  add(reading: BoardReading): void {
    const at = { atMs: reading.arrivedMs, windows: this.#settings.load.windows };
    const { cpuMillis, memoryAvailableBytes, temperatureCelsius } = reading;
    // After a long silence the board is a stranger again.
    if (this.#latest !== undefined && reading.arrivedMs - this.#latest.arrivedMs > MAX_READING_AGE_MS) this.#forget();
    this.#latest = reading;
    this.#cpu = cpuMillis === undefined ? undefined : observe(this.#cpu, cpuMillis, at);
    this.#memory = memoryAvailableBytes === undefined ? undefined : observe(this.#memory, -memoryAvailableBytes, at);
    this.#temperatures =
      temperatureCelsius === undefined
        ? []
        : addTrendPoint(this.#temperatures, { atMs: at.atMs, value: temperatureCelsius });
  }

  /** A pod was placed here just now; the readings will show what it uses. */
  noteArrival(amounts: Arriving, nowMs: number): void {
    const { cpuMillis, memoryBytes } = this.#arrivingNow(nowMs);
    this.#arriving = { cpuMillis: cpuMillis + amounts.cpuMillis, memoryBytes: memoryBytes + amounts.memoryBytes };
    this.#arrivingAtMs = nowMs;
  }

  /** Undefined: the board has not said anything for too long. */
  estimate(nowMs: number): BoardEstimate | undefined {
    const latest = this.#latest;
    if (latest === undefined || nowMs - latest.arrivedMs > MAX_READING_AGE_MS) return undefined;
    const memory = this.#memory && this.#blend(this.#memory, nowMs);
    const trend = trendPerMinute(this.#temperatures, nowMs);
    const aheadMinutes = this.#settings.heat.forecastMs / 60_000;
    return {
      cpuMillis: this.#cpu && this.#blend(this.#cpu, nowMs),
      memoryAvailableBytes: memory === undefined ? undefined : -memory,
      temperatureCelsius: latest.temperatureCelsius,
      trendCelsiusPerMinute: trend,
      forecastCelsius: latest.temperatureCelsius && latest.temperatureCelsius + Math.max(0, trend) * aheadMinutes,
      throttleCelsius: latest.throttleCelsius,
      isInDistress: latest.isInDistress,
      arriving: this.#arrivingNow(nowMs),
    };
  }

  #blend(smoothed: Smoothed, nowMs: number): number {
    const { windows, peakShare } = this.#settings.load;
    const average = averageAt(smoothed, nowMs, windows);
    return average + peakShare * (peakAt(smoothed, nowMs, windows) - average);
  }

  /** Fades as fast as the average of the readings takes it in, so that together they are right all the time. */
  #arrivingNow(nowMs: number): Arriving {
    if (this.#arriving === NOTHING) return NOTHING;
    const left = fade(nowMs - this.#arrivingAtMs, this.#settings.load.windows.averageMs);
    return { cpuMillis: this.#arriving.cpuMillis * left, memoryBytes: this.#arriving.memoryBytes * left };
  }

  #forget(): void {
    this.#cpu = undefined;
    this.#memory = undefined;
    this.#temperatures = [];
  }
}
