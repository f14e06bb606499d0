/** One seed of the thermal simulation, from its plan to what was wrong. */
import { type Move, ThermalWitness } from './thermal-witness.ts';
import { ThermalWorld } from './thermal-world.ts';

export interface ThermalResult {
  seed: number;
  complaints: readonly string[];
  moves: readonly Move[];
  taintChanges: number;
}

export function runThermal(seed: number): ThermalResult {
  const witness = new ThermalWitness();
  new ThermalWorld(seed, witness).run();
  const { complaints, moves, taintChanges } = witness;
  return { seed, complaints, moves, taintChanges: taintChanges.length };
}
