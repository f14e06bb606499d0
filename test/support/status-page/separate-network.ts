/**
 * A network namespace with nothing but a loopback, for a browser: Chromium breaks off requests whenever an address of its machine
 * changes, and containers of other tests change those all the time. Ports of 127.0.0.1 in there are listened to by a helper in
 * the namespace, `listen-for-parent.ts`, which hands its sockets over: what comes in goes on to the same port out here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Server } from 'node:net';
import { type Cable, startCable } from './cable.ts';

export interface SeparateNetwork {
  /** Words before a command that is to run in there. */
  prefix: readonly string[];
  /** From then on a port out here is a port in there, too. */
  carry(port: number): Promise<void>;
  stop(): Promise<void>;
}

const HELPER = new URL('listen-for-parent.ts', import.meta.url).pathname;

export async function startSeparateNetwork(): Promise<SeparateNetwork> {
  const script = 'ip link set lo up && exec "$0" "$@"';
  const helper = spawn('unshare', ['--net', 'sh', '-c', script, process.execPath, HELPER], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(helper, 'message');
  const cables = new Map<number, Promise<Cable>>();
  return {
    prefix: ['nsenter', `--net=/proc/${helper.pid}/ns/net`],
    async carry(port) {
      const cable = cables.get(port) ?? listenInThere(helper, port).then((server) => startCable(port, server));
      cables.set(port, cable);
      await cable;
    },
    async stop() {
      for (const cable of cables.values()) await (await cable).stop();
      const ended = once(helper, 'exit');
      helper.disconnect();
      await ended;
    },
  };
}

async function listenInThere(helper: ChildProcess, port: number): Promise<Server> {
  helper.send({ port });
  const [problem, server] = await once(helper, 'message');
  if (!(server instanceof Server)) throw new Error(`nobody listens on ${port} in there: ${JSON.stringify(problem)}`);
  return server;
}
