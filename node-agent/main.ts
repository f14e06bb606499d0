/**
 * The agent of a board: gets the node's identity, connects to the master and runs what it is told. Ends cleanly at SIGTERM
 * and SIGINT and leaves the containers running: the next agent takes them over.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../shared/client/create-client.ts';
import { systemClock } from '../shared/platform/clock.ts';
import { startAll, stopAll } from '../shared/platform/lifecycle.ts';
import { createLogger, type Logger } from '../shared/platform/logger.ts';
import { systemRandom } from '../shared/platform/random.ts';
import { type Agent, createAgent } from './agent.ts';
import { DockerRuntime } from './container-runtime/docker-runtime.ts';
import { createIdentityFiles, IdentityError } from './identity/identity-files.ts';
import { obtainIdentity } from './identity/join.ts';
import { createMasterLink } from './identity/master-link.ts';
import { createProbeDialer } from './kubelet/probes/node-probe-dialer.ts';
import { nodeHostFiles } from './kubelet/volumes/node-host-files.ts';
import { findLanAddress } from './lan-address.ts';
import { type AgentFlags, OptionsError, parseAgentFlags, USAGE } from './options.ts';
import { createSystemSensors } from './sensors/system-sensors.ts';

/** Exit codes, as docs/cli.md lists them. */
const EXIT = { usage: 2, failed: 1 } as const;

const BASE = { clock: systemClock, random: systemRandom };

async function run(flags: AgentFlags): Promise<void> {
  const logger = createLogger({
    level: flags.logLevel,
    format: flags.logFormat,
    clock: systemClock,
    write: (line) => void process.stderr.write(`${line}\n`),
  });
  const ending = abortAtSignal(logger);
  const files = createIdentityFiles(join(flags.dataDir, 'identity'));
  const { name: node, master, join: token } = flags;
  const identity = await obtainIdentity({ ...BASE, node, master, token, files, logger, signal: ending }).catch(
    (error) => {
      if (ending.aborted) return undefined;
      throw error;
    },
  );
  if (identity === undefined) return;
  const late: { agent?: Agent } = {};
  const link = createMasterLink({
    ...{ ...BASE, node, master, logger, identity: () => identity },
    handler: (request) => {
      if (late.agent === undefined) throw new Error('the agent is not made yet');
      return late.agent.handler(request);
    },
  });
  const address = { current: flags.nodeIp ?? (await findLanAddress(master.host)) };
  link.transport.onLink((up) => {
    // Another network may have given the board another address.
    if (up && flags.nodeIp === undefined) void findLanAddress(master.host).then((found) => (address.current = found));
  });
  late.agent = composeAgent(flags, { logger, call: link.call, internalIp: () => address.current });
  const components = [link, late.agent];
  await startAll(components);
  await whenAborted(ending);
  await stopAll(components);
  logger.info('the agent ends; containers run on');
}

interface Surroundings {
  logger: Logger;
  call: Parameters<typeof createClient>[0];
  internalIp(): string;
}

function composeAgent(flags: AgentFlags, { logger, call, internalIp }: Surroundings): Agent {
  const { name: node, dockerSocket: socketPath, sensorsRoot: root, dataDir } = flags;
  const storage = { path: '/' };
  const runtime = new DockerRuntime({ socketPath, node, clock: systemClock, logger });
  // The engine's folder is known when the engine answers; until then the root's disk stands for it.
  const learnStorage = (): void =>
    void runtime.info().then(
      ({ storagePath }) => {
        storage.path = storagePath || storage.path;
      },
      () => undefined,
    );
  learnStorage();
  const sensors = createSystemSensors({ clock: systemClock, root, storagePath: () => storage.path }, process.platform);
  const agent = createAgent({
    ...{ ...BASE, node, runtime, sensors, logger, internalIp },
    client: createClient(call),
    files: nodeHostFiles,
    paths: { root: join(dataDir, 'pods') },
    dialer: createProbeDialer(systemClock),
  });
  agent.kubelet.state.onHealth((problem) => {
    if (problem === undefined) learnStorage();
  });
  return agent;
}

/** The first signal ends the agent in order, a second one at once. */
function abortAtSignal(logger: Logger): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      logger.info('the agent is asked to end', { signal });
      ending.abort();
    });
  }
  return ending.signal;
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function main(): Promise<void> {
  try {
    const flags = parseAgentFlags(process.argv.slice(2), { env: process.env, hostname: hostname() });
    if (flags === 'help') process.stdout.write(USAGE);
    else await run(flags);
  } catch (error) {
    const known = error instanceof OptionsError || error instanceof IdentityError;
    const text =
      known || !(error instanceof Error) ? String(known ? error.message : error) : (error.stack ?? error.message);
    process.stderr.write(`bramble agent: ${text}\n`);
    process.exitCode = error instanceof OptionsError ? EXIT.usage : EXIT.failed;
  }
}

await main();
