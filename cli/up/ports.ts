/** Looks whether the ports are free before anything is started, and says which option chooses another one. */
import { createServer } from 'node:net';
import { EXIT, Failure, messageOf, systemErrorCode } from '../failure.ts';
import type { State } from './cluster-folder.ts';

export type Ports = Pick<State, 'apiPort' | 'mqttPort' | 'mqttPlainPort' | 'statusPort' | 'listen'>;

const FLAGS = {
  apiPort: '--api-port',
  mqttPort: '--mqtt-port',
  mqttPlainPort: '--mqtt-plain-port',
  statusPort: '--status-port',
} as const;

export async function ensurePortsFree(ports: Ports): Promise<void> {
  for (const [name, flag] of Object.entries(FLAGS)) {
    const port = ports[name as keyof typeof FLAGS];
    const problem = port === undefined ? undefined : await tryListen(ports.listen, port);
    if (port !== undefined && problem !== undefined) throw renderProblem(problem, { port, flag, listen: ports.listen });
  }
}

/** undefined: free; otherwise the error. */
export function tryListen(host: string, port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function renderProblem(
  error: unknown,
  { port, flag, listen }: { port: number; flag: string; listen: string },
): Failure {
  switch (systemErrorCode(error)) {
    case 'EADDRINUSE':
      return new Failure(EXIT.unavailable, `port ${port} is in use`, `choose another one with ${flag}`);
    case 'EACCES':
      return new Failure(EXIT.notAllowed, `port ${port} needs more rights`, `choose one above 1023 with ${flag}`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Failure(EXIT.usage, `this machine has no address ${listen}`, 'see: ip address; then --listen ADDRESS');
    default:
      return new Failure(EXIT.unavailable, `nothing can listen on ${listen}:${port}: ${messageOf(error)}`);
  }
}
