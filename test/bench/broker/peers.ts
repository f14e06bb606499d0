/** The two brokers: the whole master from its bundle, with one user, and mosquitto with the master's own certificate. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { addMqttUser } from '../../../cli/commands/mqtt-user.ts';
import { bundlePath, ensureBundles, PROGRAM_ENV, PROGRAM_FLAGS } from '../../../cli/setup/bundles.ts';
import { createTestContext, findFreePorts } from '../../support/cluster.ts';
import type { BenchContext } from '../bench.ts';
import { type Child, startChild } from '../support/child.ts';

export interface Peer {
  version: string;
  pid: number;
  port: number;
  /** Without TLS. */
  plainPort: number;
  caFile: string;
  username: string;
  password: string;
  stop(): Promise<void>;
}

const USER = { username: 'bench', password: 'a password for a bench' };

export async function startMaster(
  { clock, directory }: BenchContext,
  name: string,
): Promise<Peer & { kubeconfig: string; pki: string }> {
  const context = createTestContext();
  await ensureBundles(context, ['master']);
  const [port = 0, plainPort = 0, apiPort = 0] = await findFreePorts(3);
  const dataDir = join(directory, name);
  const ports = ['--mqtt-port', `${port}`, '--mqtt-plain-port', `${plainPort}`, '--api-port', `${apiPort}`];
  const flags = ['--data-dir', dataDir, '--listen', '127.0.0.1', ...ports];
  const child = await startChild({
    clock,
    command: process.execPath,
    args: [...PROGRAM_FLAGS.master, bundlePath(context, 'master'), ...flags, '--status-access', 'off', '--mdns', 'off'],
    env: PROGRAM_ENV,
    ready: /master is ready/,
  });
  const kubeconfig = join(dataDir, 'admin.kubeconfig');
  const passwordFile = join(directory, 'password');
  await writeFile(passwordFile, `${USER.password}\n`);
  await addMqttUser(context, { name: USER.username, topic: ['bench/#'], passwordFile, kubeconfig });
  const pki = join(dataDir, 'pki');
  return peer({ child, port, plainPort, version: 'master', pki, more: { kubeconfig, pki } });
}

/** undefined when it is not installed. */
export async function startMosquitto(
  { clock, directory }: BenchContext,
  { pki }: { pki: string },
): Promise<Peer | undefined> {
  const version = await mosquittoVersion();
  if (version === undefined) return undefined;
  const [port = 0, plainPort = 0] = await findFreePorts(2);
  const file = join(directory, 'mosquitto.conf');
  const lines = [
    ...[
      `listener ${port} 127.0.0.1`,
      `cafile ${pki}/ca.crt`,
      `certfile ${pki}/server.crt`,
      `keyfile ${pki}/server.key`,
    ],
    `listener ${plainPort} 127.0.0.1`,
    // As the master does it; Nagle's algorithm would slow it down.
    ...['allow_anonymous true', 'set_tcp_nodelay true', `user ${process.getuid?.() === 0 ? 'root' : 'mosquitto'}`],
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = await startChild({ clock, command: 'mosquitto', args: ['-c', file], ready: /running/ });
  return peer({ child, port, plainPort, version, pki, more: {} });
}

function peer<T extends object>(parts: {
  child: Child;
  port: number;
  plainPort: number;
  version: string;
  pki: string;
  more: T;
}): Peer & T {
  const { child, port, plainPort, version, pki, more } = parts;
  const place = { port, plainPort, caFile: join(pki, 'ca.crt') };
  return { version, pid: child.pid, ...place, ...USER, stop: () => child.stop(), ...more };
}

async function mosquittoVersion(): Promise<string | undefined> {
  try {
    // It has no flag that prints the version alone, and ends with 3 after its help.
    const { stdout } = await promisify(execFile)('mosquitto', ['-h']).catch((error: unknown) => {
      if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) };
      throw error;
    });
    return /version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
