/**
 * How the board is, over time: pressures by thresholds, heat, throttling and voltage by sensors, each with hysteresis. Fed with
 * every reading; whoever shows it asks only when something has changed.
 */
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Inventory, Sample } from '../../sensors/sensors.ts';
import { computeMet, isKnown, PRESSURE_OF, type PressureType } from '../eviction/pressure.ts';
import { type Observations, observeSignals, type Signal } from '../eviction/signals.ts';
import { computeThresholds, type EvictionSettings, type Thresholds } from '../eviction/thresholds.ts';
import { readOverheating, readSwitch } from './board-readings.ts';
import { LATCH_OFF, type Latch, type Reading, stepLatch } from './latch.ts';

export const BOARD_CONDITIONS = {
  overheating: 'bramble.dev/Overheating',
  throttled: 'bramble.dev/Throttled',
  underVoltage: 'bramble.dev/UnderVoltage',
} as const;

export type BoardCondition = (typeof BOARD_CONDITIONS)[keyof typeof BOARD_CONDITIONS];
export type HealthType = PressureType | BoardCondition;

/** Conditions that can be told, and whether they hold. What the board has no sensor for is absent. */
export type Health = ReadonlyMap<HealthType, boolean>;

export interface HealthTrackerOptions {
  clock: Clock;
  settings: EvictionSettings;
  /** A pressure is shown for at least so long after its last bad reading. */
  transitionMs?: number;
}

/** Kubernetes waits five minutes; boards recover faster, and few boards have to carry the load meanwhile. */
export const PRESSURE_TRANSITION_MS = 60_000;

/** Heat and voltage come and go with the load. */
const BOARD_QUIET_MS = 60_000;

const PRESSURES: readonly PressureType[] = ['MemoryPressure', 'DiskPressure', 'PIDPressure'];

export class HealthTracker {
  readonly #options: HealthTrackerOptions;
  readonly #latches = new Map<HealthType, Latch>();
  #observations: Observations = new Map();
  #thresholds: Thresholds = new Map();
  #met: Signal[] = [];

  constructor(options: HealthTrackerOptions) {
    this.#options = options;
  }

  get health(): Health {
    return new Map([...this.#latches].map(([type, { isOn }]) => [type, isOn]));
  }

  /** Signals below their thresholds right now, the most urgent first. */
  get met(): readonly Signal[] {
    return this.#met;
  }

  get observations(): Observations {
    return this.#observations;
  }

  get thresholds(): Thresholds {
    return this.#thresholds;
  }

  isUnder(type: HealthType): boolean {
    return this.#latches.get(type)?.isOn ?? false;
  }

  /** Whether a condition came, went or turned. */
  observe(sample: Sample, { throttleCelsius }: Pick<Inventory, 'throttleCelsius'>): boolean {
    this.#observations = observeSignals(sample);
    this.#thresholds = computeThresholds(this.#observations, this.#options.settings);
    this.#met = computeMet(this.#met, { observations: this.#observations, thresholds: this.#thresholds });
    const { transitionMs = PRESSURE_TRANSITION_MS } = this.#options;
    const isHot = this.isUnder(BOARD_CONDITIONS.overheating);
    const pressures = PRESSURES.map((type) => this.#step(type, this.#readPressure(type), transitionMs));
    const board = [
      this.#step(BOARD_CONDITIONS.overheating, readOverheating(sample, { throttleCelsius, isHot }), BOARD_QUIET_MS),
      this.#step(BOARD_CONDITIONS.throttled, readSwitch(sample.throttled), BOARD_QUIET_MS),
      this.#step(BOARD_CONDITIONS.underVoltage, readSwitch(sample.underVoltage), BOARD_QUIET_MS),
    ];
    return [...pressures, ...board].includes(true);
  }

  #readPressure(type: PressureType): Reading | undefined {
    if (!isKnown(type, this.#observations)) return undefined;
    return this.#met.some((signal) => PRESSURE_OF[signal] === type) ? 'bad' : 'good';
  }

  #step(type: HealthType, reading: Reading | undefined, quietMs: number): boolean {
    const before = this.#latches.get(type);
    if (reading === undefined) return this.#latches.delete(type);
    const nowMs = this.#options.clock.monotonicMs();
    const after = stepLatch(before ?? LATCH_OFF, reading, { nowMs, quietMs });
    this.#latches.set(type, after);
    return before?.isOn !== after.isOn;
  }
}
