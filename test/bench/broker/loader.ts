/** One process that loads a broker (load.ts), and what it says of it. */
import { join } from 'node:path';
import { waitFor } from '../../support/wait.ts';
import type { BenchContext } from '../bench.ts';
import { startChild } from '../support/child.ts';
import type { Peer } from './peers.ts';

export interface LoadResult {
  messages: number;
  perSecond: number;
}

export interface Load {
  go(): void;
  result(): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Whether the clients speak TLS. */
export type LoadDoor = 'plain' | 'tls';

const READY_TIMEOUT_MS = 120_000;
const OUTPUT_TIMEOUT_MS = 5_000;

export async function startLoad(
  { clock }: BenchContext,
  { port, plainPort, caFile, username, password }: Peer,
  { mode, count, seconds, door }: { mode: string; count: number; seconds: number; door: LoadDoor },
): Promise<Load> {
  const where = door === 'tls' ? [`${port}`, caFile] : [`${plainPort}`, ''];
  const args = [mode, '127.0.0.1', ...where, username, password, `${count}`, `${seconds}`];
  const child = await startChild({
    clock,
    command: process.execPath,
    args: ['--no-warnings', join(import.meta.dirname, 'load.ts'), ...args],
    ready: /^ready$/m,
    timeoutMs: READY_TIMEOUT_MS,
  });
  return {
    go: () => void process.kill(child.pid, 'SIGUSR2'),
    async result() {
      const code = await child.exited;
      // What it printed last may arrive after its end.
      const find = () => /^result (.+)$/m.exec(child.output())?.[1];
      const line = await waitFor(`figures of the load, which ended with ${code}`, find, OUTPUT_TIMEOUT_MS);
      return JSON.parse(line);
    },
    stop: () => child.stop(),
  };
}
