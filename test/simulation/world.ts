/** Everything of one simulated cluster that faults, users and checkers act on. */
import type { Client } from '../../shared/client/client.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { MemoryBroker } from '../support/memory-broker.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import type { Journal } from './journal.ts';
import type { SimulatedBoard } from './simulated-board.ts';
import type { SimulatedMaster } from './simulated-master.ts';

export interface World {
  clock: VirtualClock;
  random: Random;
  broker: MemoryBroker;
  master: SimulatedMaster;
  boards: SimulatedBoard[];
  journal: Journal;
  note(line: string): void;
}

/** What users of a cluster have: its API, and choices from the seed. */
export interface Workload {
  client: Client;
  random: Random;
  /** Says what was done, for the trace. */
  note(line: string): void;
}
