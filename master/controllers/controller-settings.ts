/** Settings that controllers share with the scheduler, from the same file; they may change while the master runs. */
import type { SchedulerConfiguration } from '../../shared/api/scheduler-configuration.ts';
import { computeHeatSettings, type HeatSettings } from './heat/settings.ts';
import { computeNodeLifecycleSettings, type NodeLifecycleSettings } from './node-lifecycle/settings.ts';

export class ControllerSettings {
  readonly #listeners = new Set<() => void>();
  #heat: HeatSettings;
  #nodeLifecycle: NodeLifecycleSettings;

  constructor(configuration: Partial<SchedulerConfiguration> = {}) {
    this.#heat = heatOf(configuration);
    this.#nodeLifecycle = computeNodeLifecycleSettings(configuration.nodeLifecycle);
  }

  get heat(): HeatSettings {
    return this.#heat;
  }

  get nodeLifecycle(): NodeLifecycleSettings {
    return this.#nodeLifecycle;
  }

  set(configuration: Partial<SchedulerConfiguration>): void {
    this.#heat = heatOf(configuration);
    this.#nodeLifecycle = computeNodeLifecycleSettings(configuration.nodeLifecycle);
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
}

function heatOf({ heat, temperature }: Partial<SchedulerConfiguration>): HeatSettings {
  return computeHeatSettings(heat, temperature?.fullLoadRiseCelsius);
}
