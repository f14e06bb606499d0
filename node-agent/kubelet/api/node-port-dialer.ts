/**
 * Connections into pods over real sockets (adapter: network, processes). The pod's address first; a program that listens on
 * the pod's loopback only is reached from inside the pod's network namespace, with the machine's own nsenter and bash.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { StatusError } from '../../../shared/machinery/errors.ts';
import type { PortConnection, PortDialer, PortTarget } from './port-dialer.ts';

const CONNECT_TIMEOUT_MS = 10_000;

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const nodePortDialer: PortDialer = {
  async dial(target) {
    try {
      return await dialAddress(target);
    } catch (error) {
      const pid = isRefused(error) ? await target.pid() : undefined;
      const inside = pid === undefined ? undefined : await dialLoopback(pid, target.port);
      if (inside !== undefined) return inside;
      throw new StatusError('ServiceUnavailable', `port ${target.port}: ${reasonOf(error, target)}`);
    }
  },
};

async function dialAddress({ host, port }: PortTarget): Promise<PortConnection> {
  const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
    socket.once('timeout', () => reject(new Error('no answer')));
  }).catch((error) => {
    socket.destroy();
    throw error;
  });
  socket.setTimeout(0);
  return connectionOver(socket, socket, () => socket.destroy());
}

/**
 * bash opens the connection as a file; `ok` says that it has, so that a refusal is told apart from an empty answer. Where its
 * input is a socket bash reads ~/.bashrc, as for rsh, unless told not to: what that prints would come out of the port.
 */
const RELAY = 'exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1; printf ok; cat <&3 & exec cat >&3';

/** undefined: nobody listens there either, or this machine does not let the agent in. */
async function dialLoopback(pid: number, port: number): Promise<PortConnection | undefined> {
  const namespace = `--net=/proc/${pid}/ns/net`;
  const child = spawn('nsenter', [namespace, 'bash', '--norc', '-c', RELAY, 'relay', String(port)], {
    env: { PATH },
    detached: true,
  });
  child.stdin.on('error', () => undefined);
  child.stderr.resume();
  const said = await firstBytes(child);
  if (said === undefined) return undefined;
  const early = said.subarray(2);
  if (early.length > 0) child.stdout.unshift(early);
  return connectionOver(child.stdout, child.stdin, () => endGroup(child));
}

/** undefined: it ended, or could not be started. */
async function firstBytes(child: ChildProcessWithoutNullStreams): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    child.stdout.once('data', (bytes: Buffer) => {
      child.stdout.pause();
      resolve(bytes);
    });
    child.once('error', () => resolve(undefined));
    child.once('close', () => resolve(undefined));
  });
}

/** Both of its programs. */
function endGroup(child: ChildProcessWithoutNullStreams): void {
  child.stdin.destroy();
  child.stdout.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // They have ended by themselves.
  }
}

function connectionOver(output: Readable, input: Writable, close: () => void): PortConnection {
  // A connection that breaks ends the output; there is nobody else to tell.
  output.on('error', () => undefined);
  input.on('error', () => undefined);
  return {
    output: bytesOf(output),
    async write(bytes) {
      if (input.destroyed || input.writableEnded) return;
      if (!input.write(bytes)) await Promise.race([once(input, 'drain'), once(input, 'close')]);
    },
    endInput: () => void input.end(),
    close,
  };
}

async function* bytesOf(output: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of output) yield chunk;
  } catch {
    // Reset by the program: the same end for whoever reads.
  }
}

function isRefused(error: unknown): boolean {
  return codeOf(error) === 'ECONNREFUSED';
}

function reasonOf(error: unknown, { host }: PortTarget): string {
  if (isRefused(error)) return `connection refused: no program listens there on ${host}`;
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
