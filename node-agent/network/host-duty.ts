/**
 * Several agents may share one machine, which has one kernel: one of them keeps its rules and routes, the others stand by and
 * take over when it ends (adapter: an abstract Unix socket, which the kernel frees with its process).
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';

export interface HostDutyOptions {
  /** Name of the place where they meet. */
  meeting: string;
  /** This agent keeps the machine's network from now on. */
  onDuty(): void;
  clock: Clock;
  logger: Logger;
}

const RETRY_MS = 1_000;

export class HostDuty implements Component {
  readonly #options: HostDutyOptions;
  #server: Server | undefined;
  #waiting: Socket | undefined;
  readonly #standingBy = new Set<Socket>();
  #isStopped = false;

  constructor(options: HostDutyOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#try();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting?.destroy();
    for (const socket of this.#standingBy) socket.destroy();
    const server = this.#server;
    if (server?.listening) await new Promise((resolve) => server.close(resolve));
  }

  async #try(): Promise<void> {
    if (this.#isStopped) return;
    const { meeting, onDuty, logger } = this.#options;
    if (await this.#occupy()) {
      logger.debug('this agent keeps the network of the machine', { meeting });
      onDuty();
    } else this.#standBy();
  }

  #occupy(): Promise<boolean> {
    const server = createServer((socket) => {
      this.#standingBy.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#standingBy.delete(socket));
    });
    // A process that has nothing else to do may end.
    server.unref();
    this.#server = server;
    return new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(placeOf(this.#options.meeting), () => resolve(true));
    });
  }

  #standBy(): void {
    this.#waiting = connect(placeOf(this.#options.meeting));
    this.#waiting.on('error', () => undefined);
    this.#waiting.once('close', () => {
      if (!this.#isStopped) this.#options.clock.after(RETRY_MS, () => void this.#try());
    });
  }
}

/** Whether an agent keeps the machine's network now. */
export function isOnDuty(meeting: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(placeOf(meeting), () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A leading zero byte: no file, and gone with the network namespace. */
function placeOf(meeting: string): string {
  return `\0${meeting}`;
}
