/**
 * The agent's side of the gate (adapter: one socket for one start). A program that is held back behind it runs only when `open`
 * was called; then its place is taken by the program itself, so that nobody can come back through it. What the program at the
 * other side does: gate-binary.ts.
 */
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../shared/platform/clock.ts';
import { RuntimeError } from './runtime.ts';

/** From the engine's word that the container runs to its gate, and from there to its program: on a busy SD card. */
const PATIENCE_MS = 60_000;

/** Any user of a container may knock; the door is gone before its program runs. */
const DOOR_MODE = 0o666;

export class Gate {
  readonly #server: Server;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #visitor = Promise.withResolvers<Socket>();

  private constructor(server: Server, path: string, clock: Clock) {
    this.#server = server;
    this.#path = path;
    this.#clock = clock;
    server.on('connection', (socket) => {
      // One visitor a gate: who comes later is the program that was let in.
      server.close();
      this.#visitor.resolve(socket);
      void this.#visitor.promise.then((first) => first !== socket && socket.destroy()).catch(() => socket.destroy());
    });
    this.#visitor.promise.catch(() => undefined);
  }

  /** `path` of the socket: at most what unix(7) allows. One that an earlier life left there is replaced. Rejects with a RuntimeError. */
  static async listen(path: string, clock: Clock): Promise<Gate> {
    const server = createServer();
    const gate = new Gate(server, path, clock);
    try {
      await rm(path, { force: true });
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(path, resolve);
      });
      await chmod(path, DOOR_MODE);
      return gate;
    } catch (error) {
      server.close();
      throw new RuntimeError('failed', `no gate can be made at ${path}: ${String(error)}`);
    }
  }

  /** Lets the program begin. Error number with which the kernel refused it; 0: it runs. Rejects with a RuntimeError. */
  async open(): Promise<number> {
    const late = this.#clock.after(PATIENCE_MS, () => {
      this.#visitor.reject(new RuntimeError('failed', 'the container did not come to its gate'));
      void this.#visitor.promise.then((socket) => socket.destroy(LATE)).catch(() => undefined);
    });
    try {
      return await readVerdict(await this.#visitor.promise);
    } finally {
      late.cancel();
    }
  }

  /** Idempotent: nobody can knock any more. */
  async close(): Promise<void> {
    this.#visitor.reject(new RuntimeError('failed', 'the gate was closed'));
    this.#server.close();
    await rm(this.#path, { force: true });
  }
}

/** The end without a word means that the program has taken the gate's place. */
function readVerdict(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes) => {
      resolve(bytes[0] ?? 0);
      socket.destroy();
    });
    socket.once('error', (error) => reject(new RuntimeError('failed', `the gate broke: ${error.message}`)));
    socket.once('close', () => resolve(0));
    socket.write(GO);
  });
}

/** The program was let in, and the kernel neither took it nor refused it. */
const LATE = new Error('its program did not begin');

const GO = new Uint8Array([1]);
