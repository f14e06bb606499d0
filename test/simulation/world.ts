/** Everything of one simulated cluster that faults, users and checkers act on. */
import type { Random } from '../../shared/platform/random.ts';
import type { MemoryBroker } from '../support/memory-broker.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import type { SimulatedBoard } from './simulated-board.ts';
import type { SimulatedMaster } from './simulated-master.ts';

export interface World {
  clock: VirtualClock;
  random: Random;
  broker: MemoryBroker;
  master: SimulatedMaster;
  boards: SimulatedBoard[];
  note(line: string): void;
}
