/**
 * Tells systemd that the program is up, and then regularly that it still is (adapter: starts systemd-notify). What listens is a
 * Unix datagram socket, which Node cannot open; systemd-notify can. One short process a minute is what that costs, and nothing
 * where no service manager listens. Source: sd_notify(3), sd_watchdog_enabled(3).
 */
import { spawn } from 'node:child_process';
import type { Clock, Timer } from './clock.ts';

export interface ServiceManager {
  /** From now on the manager is told, three times in the time that it allows, that the program turns. Idempotent. */
  ready(): void;
  /** The program is about to end; it is told no more. Idempotent. */
  stopping(): void;
}

export interface ServiceManagerOptions {
  /** NOTIFY_SOCKET and WATCHDOG_USEC are set by systemd; without the first nobody is told anything. */
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** Passes the assignments on; default: systemd-notify. */
  tell?(assignment: string): void;
}

const TELLS_A_PERIOD = 3;

export function createServiceManager({ env, clock, tell = tellSystemd }: ServiceManagerOptions): ServiceManager {
  const listens = (env['NOTIFY_SOCKET'] ?? '') !== '';
  const periodMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1000 / TELLS_A_PERIOD;
  let state: 'starting' | 'ready' | 'stopping' = 'starting';
  let timer: Timer | undefined;
  const beat = (): void => {
    timer = clock.after(periodMs, () => {
      tell('WATCHDOG=1');
      beat();
    });
  };
  return {
    ready() {
      if (state !== 'starting') return;
      state = 'ready';
      if (!listens) return;
      tell('READY=1');
      if (periodMs > 0) beat();
    },
    stopping() {
      if (state === 'stopping') return;
      state = 'stopping';
      timer?.cancel();
      if (listens) tell('STOPPING=1');
    },
  };
}

/** A manager that is not told in time starts the program again: nothing better could be done about an error here. */
function tellSystemd(assignment: string): void {
  spawn('systemd-notify', [assignment], { stdio: 'ignore' }).on('error', () => undefined);
}
