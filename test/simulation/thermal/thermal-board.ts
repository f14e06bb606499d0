/**
 * A board as a body that load heats and time cools: it moves towards the temperature at which it gives off as much heat as it
 * makes, with a time constant of minutes. It reports as agents do, with a dead band and a sensor that trembles.
 */
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { formatMillis } from '../../../shared/machinery/quantity.ts';
import { nextFloat, type Random } from '../../../shared/platform/random.ts';
import { makeSensors } from '../../unit/scheduler/cluster.ts';

export interface BoardBody {
  name: string;
  cpus: number;
  /** By how much an idle board is warmer than the air around it. */
  idleRiseCelsius: number;
  /** By how much full load makes it warmer still. */
  fullLoadRiseCelsius: number;
  timeConstantMs: number;
  hasSensor: boolean;
}

/** Where the silicon slows itself down: it makes less heat from here on. */
const THROTTLE_CELSIUS = 80;
const THROTTLED_SHARE = 0.8;

const BAND_CELSIUS = 2;
const MAX_SILENCE_MS = 60_000;
const TREMBLE_CELSIUS = 0.5;

export interface Load {
  uid: string;
  name: string;
  cpuMillis: number;
}

export class ThermalBoard {
  readonly body: BoardBody;
  celsius: number;
  #told: { celsius: number; atMs: number; pods: string } | undefined;

  constructor(body: BoardBody, ambientCelsius: number) {
    this.body = body;
    this.celsius = ambientCelsius + body.idleRiseCelsius;
  }

  /** What it would end up at. */
  equilibriumCelsius(cpuMillis: number, ambientCelsius: number): number {
    const { cpus, idleRiseCelsius, fullLoadRiseCelsius } = this.body;
    return ambientCelsius + idleRiseCelsius + fullLoadRiseCelsius * Math.min(1, cpuMillis / (cpus * 1000));
  }

  step(cpuMillis: number, ambientCelsius: number, stepMs: number): void {
    const used = this.celsius >= THROTTLE_CELSIUS ? cpuMillis * THROTTLED_SHARE : cpuMillis;
    const goal = this.equilibriumCelsius(used, ambientCelsius);
    this.celsius = goal + (this.celsius - goal) * Math.exp(-stepMs / this.body.timeConstantMs);
  }

  /** Undefined: nothing worth telling. */
  report(loads: readonly Load[], nowMs: number, random: Random): NodeSensors | undefined {
    const celsius = this.celsius + (nextFloat(random) * 2 - 1) * TREMBLE_CELSIUS;
    const pods = loads.map(({ uid }) => uid).join();
    const told = this.#told;
    const isNews = told === undefined || Math.abs(celsius - told.celsius) > BAND_CELSIUS || pods !== told.pods;
    if (!isNews && nowMs - told.atMs < MAX_SILENCE_MS) return undefined;
    this.#told = { celsius, atMs: nowMs, pods };
    const total = Math.min(this.body.cpus * 1000, sum(loads));
    return makeSensors(this.body.name, {
      usage: { cpu: formatMillis(Math.round(total)), memory: '1Gi' },
      throttleCelsius: THROTTLE_CELSIUS,
      ...(this.body.hasSensor ? { temperatureCelsius: celsius } : {}),
      pods: loads.map(({ uid, name, cpuMillis }) => ({
        ...{ namespace: 'default', name, uid },
        containers: [{ name: 'main', usage: { cpu: formatMillis(Math.round(cpuMillis)), memory: '64Mi' } }],
      })),
    });
  }
}

function sum(loads: readonly Load[]): number {
  return loads.reduce((total, { cpuMillis }) => total + cpuMillis, 0);
}
