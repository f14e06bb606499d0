/**
 * The agent of a board: gets the node's identity, connects to the master and runs what it is told. Ends cleanly at SIGTERM
 * and SIGINT and leaves the containers running: the next agent takes them over. When the board itself is switched off (SIGPWR,
 * or systemd says so) its pods end first.
 */
import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { NodeRef } from '../shared/api/kind-refs.ts';
import type { Client } from '../shared/client/client.ts';
import { createClient } from '../shared/client/create-client.ts';
import { isConditionTrue } from '../shared/machinery/conditions.ts';
import { sleep, systemClock } from '../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import { createLogger, type Logger } from '../shared/platform/logger.ts';
import { createMemoryKeeper } from '../shared/platform/process-memory.ts';
import { systemRandom } from '../shared/platform/random.ts';
import { createServiceManager } from '../shared/platform/service-manager.ts';
import { findService } from '../shared/protocol/mdns/find-service.ts';
import type { Transport } from '../shared/protocol/transport.ts';
import { type Agent, createAgent } from './agent.ts';
import { DockerRuntime } from './container-runtime/docker-runtime.ts';
import type { ContainerRuntime } from './container-runtime/runtime.ts';
import { CertificateRenewal } from './identity/certificate-renewal.ts';
import { lockDirectory } from './identity/directory-lock.ts';
import { createIdentityFiles, IdentityError, type IdentityFiles } from './identity/identity-files.ts';
import { obtainIdentity } from './identity/join.ts';
import { readTokenFile, reportingJoin, reportWaiting } from './identity/join-report.ts';
import { createMasterLink } from './identity/master-link.ts';
import { askMasterTime } from './identity/master-time.ts';
import { MasterTrust } from './identity/master-trust.ts';
import { type NodeIdentity, readCa } from './identity/node-identity.ts';
import { returnToCluster } from './identity/return-to-cluster.ts';
import { openStorageKey, wrapStorageKey } from './identity/storage-key.ts';
import { createAssignmentDisk } from './kubelet/assignment/node-assignment-disk.ts';
import { createSealer } from './kubelet/assignment/sealer.ts';
import { createSystemDevices } from './kubelet/devices/system-devices.ts';
import { createSmallFile } from './kubelet/gc/small-file.ts';
import { readFreeBytes } from './kubelet/images/free-bytes.ts';
import { createPeerDialer } from './kubelet/images/peers/https-peer-dialer.ts';
import { createPeerServer, type PeerServer } from './kubelet/images/peers/https-peer-server.ts';
import { ImageSharing } from './kubelet/images/peers/image-sharing.ts';
import { probeRegistry } from './kubelet/images/registry-probe.ts';
import { computeParallelPods } from './kubelet/node/board-class.ts';
import { createProbeDialer } from './kubelet/probes/node-probe-dialer.ts';
import { isBoardStopping } from './kubelet/shutdown/board-state.ts';
import { nodeHostFiles } from './kubelet/volumes/node-host-files.ts';
import { findLanAddress } from './lan-address.ts';
import { caHashOf, MasterFinder } from './master-finder.ts';
import { createNetworkTools, createPodNetworkDoor } from './network-tools.ts';
import type { NodeNetwork } from './node-network.ts';
import { createNodeShell } from './node-shell.ts';
import { type AgentFlags, OptionsError, parseAgentFlags, USAGE } from './options.ts';
import { readSerial } from './sensors/read-serial.ts';
import type { Sensors } from './sensors/sensors.ts';
import { createSystemSensors } from './sensors/system-sensors.ts';
import { createServingTools } from './serving-tools.ts';
import { uninstall } from './uninstall.ts';
import { findInstallation } from './update/installation.ts';
import { TrialKeeper } from './update/trial-keeper.ts';
import { createUpdateHandler, UPDATE_PATH } from './update/update-handler.ts';

/** Exit codes, as docs/cli.md lists them. */
const EXIT = { usage: 2, failed: 1 } as const;

/** What power supplies say before they give up: the board is being switched off. */
const POWER_SIGNAL = 'SIGPWR';

const ADDRESS_PATIENCE_MS = 2_000;

const BASE = { clock: systemClock, random: systemRandom };

async function run(flags: AgentFlags): Promise<void> {
  const logger = createLogger({
    level: flags.logLevel,
    format: flags.logFormat,
    clock: systemClock,
    write: (line) => void process.stderr.write(`${line}\n`),
  });
  const lock = await lockDirectory(flags.dataDir);
  const manager = createServiceManager({ env: process.env, clock: systemClock });
  try {
    // At once: to wait for its master is an agent's work too.
    manager.ready();
    await (flags.uninstall ? uninstall(flags, logger) : runOnDirectory(flags, logger));
  } finally {
    manager.stopping();
    await lock.release();
  }
}

async function runOnDirectory(flags: AgentFlags, logger: Logger): Promise<void> {
  const ending = abortAtSignal(logger);
  const files = createIdentityFiles(join(flags.dataDir, 'identity'));
  const { name: node, master } = flags;
  const finder = createFinder(flags, logger);
  const identity = await reportingJoin(files, async () => {
    const token = flags.join ?? (await readTokenFile(flags.joinFile));
    await finder?.find(caHashOf({ ca: await readCa(files), token }));
    const onWaiting = (): void => {
      logger.warn('waits until the board is approved', { command: `bramble node approve ${node}` });
      reportWaiting(files, node).catch(() => undefined);
    };
    const serial = readSerial(flags.sensorsRoot);
    return obtainIdentity({ ...BASE, node, master, token, serial, files, logger, onWaiting, signal: ending });
  }).catch((error) => {
    if (ending.aborted) return undefined;
    throw error;
  });
  if (identity === undefined) return;
  const { components, agent } = await compose(flags, { logger, files, identity, finder });
  await startAll(components);
  await whenAborted(ending);
  const shell = createNodeShell(systemClock);
  if (ending.reason === POWER_SIGNAL || (await isBoardStopping(shell))) await agent.shutDown();
  await stopAll(components);
  logger.info('the agent ends; containers run on');
}

/** undefined: the agent was told where the master is. */
function createFinder({ master, isMasterNamed, mdns, dataDir }: AgentFlags, logger: Logger): MasterFinder | undefined {
  if (isMasterNamed || !mdns) return undefined;
  const memory = createSmallFile(join(dataDir, 'master'));
  return new MasterFinder({ master, search: findService, memory, clock: systemClock, logger });
}

interface Foundation {
  logger: Logger;
  files: IdentityFiles;
  identity: NodeIdentity;
  finder: MasterFinder | undefined;
}

interface Composed {
  /** In the order of their start. */
  components: Component[];
  agent: Agent;
}

async function compose(flags: AgentFlags, foundation: Foundation): Promise<Composed> {
  const { logger, files } = foundation;
  const { name: node, master } = flags;
  const held = { identity: foundation.identity };
  const keys = { files, random: systemRandom, createSealer };
  const storageKey = await openStorageKey(keys, held.identity.key);
  const { ca, certificate } = held.identity;
  const earliestMs = new X509Certificate(certificate).validFromDate.getTime();
  const trust = new MasterTrust({ master, ca, earliestMs, askTime: askMasterTime, clock: systemClock, logger });
  const late: { agent?: Agent; renewal?: CertificateRenewal } = {};
  const installation = findInstallation(process.argv[1] ?? '');
  const updates = createUpdateHandler({
    ...{ installation, logger, ca: () => held.identity.ca },
    // What started the agent starts the version that is current now.
    restart: () => process.kill(process.pid, 'SIGTERM'),
  });
  const link = createMasterLink({
    ...{ ...BASE, node, master, trust, logger, identity: () => held.identity },
    handler: (request) => {
      if (request.path === UPDATE_PATH) return updates(request);
      if (late.agent === undefined) throw new Error('the agent is not made yet');
      return late.agent.handler(request);
    },
    // A certificate that ended while the board was off; its clock may not know.
    onRefused: () => void trust.learnTime().then(() => late.renewal?.lookNow()),
  });
  const internalIp = await followAddress(flags, link.transport);
  const identity = (): NodeIdentity => held.identity;
  const composed = await composeAgent(flags, { logger, call: link.call, internalIp, storageKey, identity });
  late.agent = composed.agent;
  const renewal = new CertificateRenewal({
    ...{ ...BASE, node, client: createClient(link.call), files, logger, nowMs: () => trust.nowMs() },
    identity: () => held.identity,
    protectStorage: (nodeKeys) => wrapStorageKey(keys, storageKey, nodeKeys),
    returnToCluster: (key, signal) => {
      const serial = readSerial(flags.sensorsRoot);
      return returnToCluster({ ...BASE, node, serial, master, logger }, held.identity, { key, signal });
    },
    onRenewed: (renewed) => {
      held.identity = renewed;
      link.reconnect();
    },
  });
  late.renewal = renewal;
  const { finder } = foundation;
  link.transport.onLink((up) => {
    finder?.setLink(up, () => link.reconnect());
    late.agent?.onLink(up);
  });
  const isReady = (): Promise<boolean> => isNodeReady(createClient(link.call), node);
  const trial = installation && new TrialKeeper({ installation, isReady, clock: systemClock, logger });
  const own = [link, ...(finder ? [finder] : []), ...composed.doors, composed.agent, renewal];
  return { components: [...own, ...(trial ? [trial] : []), ...createMemoryKeeper(systemClock)], agent: composed.agent };
}

/** In the master's eyes. */
async function isNodeReady(client: Client, name: string): Promise<boolean> {
  const { status } = await client.get(NodeRef, { name });
  return isConditionTrue(status.conditions, 'Ready');
}

/** The board's address on the LAN, now: another network may give it another one. */
async function followAddress({ nodeIp, master }: AgentFlags, transport: Transport): Promise<() => string> {
  if (nodeIp !== undefined) return () => nodeIp;
  const address = { current: '' };
  const look = async (): Promise<void> => {
    address.current = await findLanAddress(master.host);
  };
  // Without a network a name may take long to be not found; pods do not wait for that.
  await Promise.race([look(), sleep(systemClock, ADDRESS_PATIENCE_MS)]);
  if (address.current === '') address.current = await findLanAddress('127.0.0.1');
  transport.onLink((up) => {
    if (up) void look();
  });
  return () => address.current;
}

interface Surroundings {
  logger: Logger;
  call: Parameters<typeof createClient>[0];
  internalIp(): string;
  storageKey: Uint8Array;
  identity(): NodeIdentity;
}

interface ComposedAgent {
  agent: Agent;
  /** What other nodes come in by; opened before the agent tells of them. */
  doors: readonly Component[];
}

async function composeAgent(flags: AgentFlags, surroundings: Surroundings): Promise<ComposedAgent> {
  const { logger, call, internalIp, storageKey, identity } = surroundings;
  const { name: node, dockerSocket: socketPath, sensorsRoot: root, dataDir } = flags;
  const storage = { path: '/' };
  const late: { network?: NodeNetwork | undefined } = {};
  const podNetwork = flags.network ? { podNetwork: createPodNetworkDoor(() => late.network) } : {};
  const sandboxRoot = join(dataDir, 'sandboxes');
  const runtime = new DockerRuntime({ socketPath, node, clock: systemClock, logger, sandboxRoot, ...podNetwork });
  // The engine's folder is known when the engine answers; until then the root's disk stands for it.
  const learnStorage = (): void =>
    void runtime.info().then(
      ({ storagePath }) => {
        storage.path = storagePath || storage.path;
      },
      () => undefined,
    );
  learnStorage();
  const places = { storagePath: () => storage.path, nodePath: () => dataDir };
  const sensors = createSystemSensors({ clock: systemClock, root, ...places }, process.platform);
  const door = createDoor(flags, { runtime, sensors, identity, logger });
  const agent = createAgent({
    ...{ ...BASE, node, runtime, sensors, logger, internalIp },
    client: createClient(call),
    files: nodeHostFiles,
    paths: { root: join(dataDir, 'pods'), memory: join(dataDir, 'pods-memory') },
    clusterDns: flags.clusterDns,
    dialer: createProbeDialer(systemClock),
    ...{ shell: createNodeShell(systemClock), powerControl: flags.powerControl },
    openPorts: async () => (await import('./kubelet/api/node-port-dialer.ts')).nodePortDialer,
    parallelPods: computeParallelPods(await sensors.inventory()),
    guard: {
      devices: createSystemDevices({ root, namesFile: flags.devicesConfig }),
      eviction: flags.eviction,
      shutdown: flags.shutdown,
      imageLedger: createSmallFile(join(dataDir, 'images.json')),
      bootMarker: createSmallFile(join(dataDir, 'boot')),
    },
    images: {
      dialer: createPeerDialer({ identity, clock: systemClock }),
      peerPort: () => door?.port ?? 0,
      probeRegistry,
    },
    memory: {
      disk: createAssignmentDisk(join(dataDir, 'assignment')),
      sealer: createSealer(storageKey, systemRandom),
    },
    ...(flags.network ? { network: createNetworkTools(flags), serving: createServingTools(flags, logger) } : {}),
  });
  late.network = agent.network;
  agent.kubelet.state.onHealth((problem) => {
    if (problem === undefined) learnStorage();
  });
  return { agent, doors: door === undefined ? [] : [door] };
}

type DoorParts = Pick<Surroundings, 'identity' | 'logger'> & { runtime: ContainerRuntime; sensors: Sensors };

/** Where other nodes copy images; undefined: nowhere. */
function createDoor(flags: AgentFlags, { runtime, sensors, identity, logger }: DoorParts): PeerServer | undefined {
  const { peerPort: port, peerLimitBytesPerSecond: limitBytesPerSecond } = flags;
  if (port === 0) return undefined;
  const freeBytes = (): Promise<number | undefined> => readFreeBytes(sensors);
  const sharing = new ImageSharing({ runtime, clock: systemClock, logger, freeBytes, limitBytesPerSecond });
  return createPeerServer({ host: '::', port, identity, sharing, clock: systemClock, logger });
}

/** The first signal ends the agent in order, a second one at once. */
function abortAtSignal(logger: Logger): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', POWER_SIGNAL] as const) {
    process.once(signal, () => {
      logger.info('the agent is asked to end', { signal });
      ending.abort(signal);
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
