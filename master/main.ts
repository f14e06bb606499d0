/**
 * The control plane in one process: ties the rooms together, starts them in order and ends them in reverse.
 * Nothing is decided here; what a room needs it gets as an argument.
 */
import type { KeyObject } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ALL_KINDS } from '../shared/api/registry.ts';
import type { SchedulerConfiguration } from '../shared/api/scheduler-configuration.ts';
import type { Client } from '../shared/client/client.ts';
import { createClient } from '../shared/client/create-client.ts';
import { addressIn, parseRange } from '../shared/machinery/ip-range.ts';
import { defined } from '../shared/platform/assert.ts';
import { type Clock, systemClock } from '../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import { createLogger, type Logger } from '../shared/platform/logger.ts';
import { createMemoryKeeper } from '../shared/platform/process-memory.ts';
import { type Random, systemRandom } from '../shared/platform/random.ts';
import { createServiceManager } from '../shared/platform/service-manager.ts';
import { GIT_VERSION, KUBERNETES_VERSION } from '../shared/platform/version.ts';
import { NodeMulticast } from '../shared/protocol/mdns/node-multicast.ts';
import { createAlertSources } from './alert-sources.ts';
import { type ApiServer, createApiServer } from './apiserver/api-server.ts';
import { componentUser } from './apiserver/user-info.ts';
import type { VersionInfo } from './apiserver/version-info.ts';
import { type Broker, createBroker } from './broker/broker.ts';
import { completeRestore } from './complete-restore.ts';
import { ControllerSettings } from './controllers/controller-settings.ts';
import { createControllers } from './controllers/create-controllers.ts';
import type { RegistryClient } from './controllers/images/registry/registry-client.ts';
import { createSystemRegistryClient } from './controllers/images/registry/system-registry-client.ts';
import { explainStartError } from './explain-start-error.ts';
import { type Authenticator, createAuthenticator } from './gateway/authentication/authenticator.ts';
import { MqttUsers } from './gateway/authentication/mqtt-users.ts';
import {
  createTokenAuthenticator,
  createTokenIssuer,
  openTokenKey,
} from './gateway/authentication/service-account-tokens.ts';
import { createHttpsDoor } from './gateway/https/https-door.ts';
import { createMqttDoor } from './gateway/mqtt-door.ts';
import { createNodeLinks } from './gateway/node-links.ts';
import { createNodeProxies, type NodeProxies } from './gateway/node-proxy.ts';
import { ensureAdminKubeconfig } from './gateway/pki/admin-kubeconfig.ts';
import { type CertificateAuthority, openCertificateAuthority } from './gateway/pki/certificate-authority.ts';
import { createPkiFiles, type PkiFiles } from './gateway/pki/pki-files.ts';
import { createServerCertificate, type ServerCertificate } from './gateway/pki/server-certificate.ts';
import { certificateCheck } from './health-checks.ts';
import { advertisedAddress, lanAddresses } from './lan-addresses.ts';
import { LanAnnouncement } from './lan-announcement.ts';
import { createMasterMetrics, type MasterMetrics, measureBoards } from './metrics.ts';
import { createMqttParts, isDiscoveryOfOurs, type MqttParts } from './mqtt-parts.ts';
import { type MasterOptions, OptionsError, parseMasterOptions, USAGE } from './options.ts';
import { profileOf } from './scheduler/configuration/profile-of.ts';
import { IMAGE_PATIENCE_MS } from './scheduler/images/image-wait.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { readSettings, SettingsFile } from './settings-file.ts';
import { createSnapshotFiles } from './snapshots/snapshot-files.ts';
import { SnapshotKeeper } from './snapshots/snapshot-keeper.ts';
import { createStatusPage } from './status-page/status-page.ts';
import { Compactor } from './store/compactor.ts';
import { openSqliteStore, type SqliteStore } from './store/sqlite-store.ts';
import { createWholeSnapshot, MQTT_FILE, STORE_FILE } from './whole-snapshot.ts';

/** Exit codes, as docs/cli.md lists them. */
const EXIT = { usage: 2, failed: 1 } as const;

interface Environment {
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** What several rooms share. */
interface Foundation extends Environment {
  options: MasterOptions;
  files: PkiFiles;
  authority: CertificateAuthority;
  certificate: ServerCertificate;
  tokenKey: KeyObject;
  store: SqliteStore;
  settings: SchedulerConfiguration;
  metrics: MasterMetrics;
  snapshots: SnapshotKeeper;
  /** Set once there is a broker. */
  late: { kept?: Broker['kept'] };
}

async function openFoundation(options: MasterOptions, environment: Environment): Promise<Foundation> {
  const { clock, random, logger } = environment;
  const settings = await readSettings(options.schedulerConfig);
  const metrics = createMasterMetrics(clock);
  await completeRestore({ dataDir: options.dataDir, random, logger });
  // The store comes first: it locks the data directory, so that a second master changes nothing in it.
  const store = await openSqliteStore({
    path: join(options.dataDir, STORE_FILE),
    clock,
    logger,
    schedule: (task) => void setImmediate(task),
  });
  const files = createPkiFiles(join(options.dataDir, 'pki'));
  const authority = await openCertificateAuthority({ files, clock, random });
  const certificate = createServerCertificate({
    authority,
    files,
    hostname: hostname(),
    // First address of the ranges of services: the API's own Service.
    addresses: () => [...options.serviceCidrs.map(firstAddressOf), ...lanAddresses(), ...options.serverNames],
    clock,
    logger,
  });
  const tokenKey = await openTokenKey(files);
  const { dir = join(options.dataDir, 'snapshots'), ...policy } = options.snapshots;
  const late: Foundation['late'] = {};
  const whole = createWholeSnapshot({ store, kept: () => late.kept });
  const snapshots = new SnapshotKeeper({ ...policy, store: whole, files: createSnapshotFiles(dir), clock, logger });
  const pki = { files, authority, certificate, tokenKey };
  return { ...environment, ...pki, options, store, settings, metrics, snapshots, late };
}

function firstAddressOf(serviceCidr: string): string {
  return addressIn(defined(parseRange(serviceCidr), 'the range of services'), 1);
}

interface Api {
  apiServer: ApiServer;
  authenticator: Authenticator;
  mqttUsers: MqttUsers;
  clientOf(component: string): Client;
  /** The API server asks for nodes and placements through these; they are set once they exist. */
  setNodeProxies(proxies: NodeProxies): void;
  setScheduler(scheduler: Scheduler): void;
  setMetrics(render: () => string): void;
}

function createApi(foundation: Foundation): Api {
  const { store, options, clock, random, logger, tokenKey, certificate, authority } = foundation;
  const late: { proxies?: NodeProxies; scheduler?: Scheduler; renderMetrics?: () => string } = {};
  const clientOf = (component: string): Client => {
    const user = componentUser(component);
    return createClient((request) => apiServer.handle(request, user));
  };
  const mqttUsers = new MqttUsers({ client: clientOf('system:authenticator'), clock, random, logger });
  const tokens = { key: tokenKey, clock, random, client: clientOf('system:token-controller') };
  const apiServer: ApiServer = createApiServer({
    store,
    kinds: ALL_KINDS,
    clock,
    random,
    logger,
    version: versionInfo(),
    apiPort: options.apiPort,
    serviceCidrs: options.serviceCidrs,
    advertiseAddress: () => advertisedAddress(options.listen),
    issueToken: createTokenIssuer(tokens),
    authenticateToken: createTokenAuthenticator(tokens),
    nodeProxy: (node, request) => {
      if (late.proxies === undefined) throw new Error('the links to the nodes are not made yet');
      return late.proxies.call(node, request);
    },
    explainPlacement: (key) => late.scheduler?.explain(key),
    ...{ metrics: foundation.metrics.registry, snapshots: foundation.snapshots },
    healthChecks: [certificateCheck(certificate, clock)],
    renderMoreMetrics: () => late.renderMetrics?.() ?? '',
    tolerationSeconds: options.tolerationSeconds,
  });
  return {
    apiServer,
    authenticator: createAuthenticator({
      ...{ client: clientOf('system:authenticator'), tokenKey, clock, mqttUsers },
      ca: authority.certificate,
    }),
    mqttUsers,
    clientOf,
    setNodeProxies: (proxies) => {
      late.proxies = proxies;
    },
    setScheduler: (scheduler) => {
      late.scheduler = scheduler;
    },
    setMetrics: (render) => {
      late.renderMetrics = render;
    },
  };
}

/** In the order of their start. */
function createComponents(foundation: Foundation, api: Api): Component[] {
  const { clock, random, logger, store } = foundation;
  const environment = { clock, random, logger };
  const clientOf = (component: string) => ({ ...environment, client: api.clientOf(component) });
  const { broker, mqtt, https } = createDoors(foundation, api);
  foundation.late.kept = broker.kept;
  const links = createNodeLinks({ ...clientOf('system:node-links'), sessions: broker });
  const proxies = createNodeProxies({ ...environment, sessions: broker, links });
  api.setNodeProxies(proxies);
  const scheduler = new Scheduler({
    ...clientOf('system:kube-scheduler'),
    profile: profileOf(foundation.settings),
    onDecision: foundation.metrics.onDecision,
    imagePatienceMs: foundation.options.imageLookup ? IMAGE_PATIENCE_MS : 0,
  });
  api.setScheduler(scheduler);
  foundation.metrics.measureScheduler(scheduler);
  const controllerSettings = new ControllerSettings(foundation.settings);
  const settings = new SettingsFile({
    ...{ clock, logger },
    ...(foundation.options.schedulerConfig === undefined ? {} : { path: foundation.options.schedulerConfig }),
    onChange: (configuration) => {
      scheduler.setProfile(profileOf(configuration));
      controllerSettings.set(configuration);
    },
  });
  const house = createHouse(foundation, api, broker);
  return [
    api.apiServer,
    { start: () => broker.open(), stop: async () => undefined },
    new Compactor({ store, clock, logger }),
    foundation.snapshots,
    links,
    proxies,
    mqtt,
    ...house.components,
    ...[broker, house.bridges, https],
    ...createControllers({
      ...clientOf('system:kube-controller-manager'),
      kinds: ALL_KINDS,
      sign: async (request, signing) => foundation.authority.signCertificateRequest(request, signing),
      rootCertificate: foundation.authority.certificate,
      network: foundation.options,
      settings: controllerSettings,
      onMetrics: (render) => api.setMetrics(render),
      onAlerts: (alerts) => house.setAlerts(alerts),
      ...{ queueMetrics: foundation.metrics.queues, alerts: createAlertSources(foundation) },
      onSensors: (list) => measureBoards(foundation.metrics.registry, list),
      ...(foundation.options.imageLookup ? { registry: createRegistry(foundation) } : {}),
    }),
    scheduler,
    settings,
    ...createMemoryKeeper(clock),
    ...(isTold(foundation.options) ? [createAnnouncement(foundation)] : []),
    ...(foundation.options.statusAccess === 'off'
      ? []
      : [createPage(foundation, api, foundation.options.statusAccess)]),
  ];
}

function createHouse({ clock, random, logger, options }: Foundation, api: Api, broker: Broker): MqttParts {
  return createMqttParts({
    ...{ clock, random, logger, broker, users: api.mqttUsers, apiServer: api.apiServer, clientOf: api.clientOf },
    discoveryPrefix: options.homeAssistantPrefix,
  });
}

/** The page reads as a component; what a person does there is that person's request. */
function createPage(foundation: Foundation, { apiServer, authenticator }: Api, access: 'open' | 'sign-in'): Component {
  const { clock, random, logger, options } = foundation;
  const page = componentUser('system:status-page');
  return createStatusPage({
    ...{ clock, random, logger, access, host: options.listen, port: options.statusPort },
    folder: join(import.meta.dirname, 'page'),
    handler: (request) => apiServer.handle(request, page),
    signIn: async (token) => {
      const user = await authenticator.userOfToken(token);
      return { name: user.name, handler: (request) => apiServer.handle(request, user) };
    },
  });
}

/** A master that only this machine reaches is nobody else's business. */
function isTold({ mdns, listen }: MasterOptions): boolean {
  return mdns && !/^(127\.|::1$)/.test(listen);
}

function createAnnouncement({ options, authority, clock, random, logger }: Foundation): Component {
  const { listen, mqttPort, apiPort } = options;
  return new LanAnnouncement({
    ...{ clock, random, logger, mqttPort, apiPort, hostname: hostname(), caCertificate: authority.certificate },
    multicast: new NodeMulticast(clock),
    addresses: () => [advertisedAddress(listen)].flatMap((address) => address ?? []),
  });
}

function createRegistry({ clock, options }: Foundation): RegistryClient {
  return createSystemRegistryClient({ clock, insecureHosts: options.insecureRegistries });
}

/** The doors need the server's certificate: it has started before. */
function createDoors(
  { options, authority, certificate, ...environment }: Foundation,
  { apiServer, authenticator }: Api,
) {
  const { clock, logger } = environment;
  const bundle = () => ({ ...certificate.current(), ca: authority.certificate });
  const broker = createBroker({
    host: options.listen,
    port: options.mqttPort,
    tls: bundle(),
    authenticate: (credentials) => authenticator.userOfSession(credentials),
    websocketPort: options.mqttWebsocketPort,
    plainPort: options.mqttPlainPort,
    persistencePath: join(options.dataDir, MQTT_FILE),
    isVolatile: isDiscoveryOfOurs,
    schedule: (task) => void setImmediate(task),
    clock,
    logger,
  });
  const https = createHttpsDoor({
    host: options.listen,
    port: options.apiPort,
    certificate: bundle(),
    apiServer,
    authenticator,
    clock,
    logger,
  });
  certificate.onChange(() => {
    broker.updateCertificate(bundle());
    https.updateCertificate(bundle());
  });
  return { broker, mqtt: createMqttDoor({ sessions: broker, apiServer, clock, logger }), https };
}

async function run(options: MasterOptions): Promise<void> {
  const logger = createLogger({
    level: options.logLevel,
    format: options.logFormat,
    clock: systemClock,
    write: (line) => void process.stderr.write(`${line}\n`),
  });
  const foundation = await openFoundation(options, { clock: systemClock, random: systemRandom, logger });
  const ended = waitForSignal();
  const manager = createServiceManager({ env: process.env, clock: systemClock });
  try {
    await foundation.certificate.start();
    const components = createComponents(foundation, createApi(foundation));
    await startAll(components);
    await writeKubeconfig(foundation);
    manager.ready();
    logger.info('master is ready', { api: options.apiPort, mqtt: options.mqttPort, status: options.statusPort });
    // Where NODE_COMPILE_CACHE names a folder: whoever is killed starts sooner the next time too.
    flushCompileCache();
    logger.info('master ends', { signal: await ended });
    await stopAll(components);
  } finally {
    manager.stopping();
    await foundation.certificate.stop();
    await foundation.store.close();
  }
}

async function writeKubeconfig({ options, authority }: Foundation): Promise<void> {
  const everywhere = options.listen === '0.0.0.0' || options.listen === '::';
  const address = everywhere ? '127.0.0.1' : options.listen;
  const host = address.includes(':') ? `[${address}]` : address;
  await ensureAdminKubeconfig({
    path: join(options.dataDir, 'admin.kubeconfig'),
    server: `https://${host}:${options.apiPort}`,
    mqttServer: `mqtts://${host}:${options.mqttPort}`,
    authority,
  });
}

function versionInfo(): VersionInfo {
  return {
    major: KUBERNETES_VERSION.major,
    minor: KUBERNETES_VERSION.minor,
    gitVersion: GIT_VERSION,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node-${process.version}`,
    compiler: 'v8',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

/** Resolves with the first signal that asks the process to end; a second one ends it at once. */
function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
}

async function main(): Promise<void> {
  try {
    const options = parseMasterOptions(process.argv.slice(2), process.env);
    if (options === 'help') process.stdout.write(USAGE);
    else await run(options);
  } catch (error) {
    process.stderr.write(`bramble master: ${explainStartError(error)}\n`);
    process.exitCode = error instanceof OptionsError ? EXIT.usage : EXIT.failed;
  }
}

await main();
