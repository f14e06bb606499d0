/**
 * The profile of a cluster: its addresses and who we are, read from the kubeconfig that its master wrote. kubectl reads the
 * same file; the address of the MQTT door stands in an extension that kubectl passes over.
 *
 *     clusters:
 *     - name: bramble
 *       cluster:
 *         server: https://127.0.0.1:6443
 *         certificate-authority-data: …
 *         extensions:
 *         - name: bramble.dev/mqtt
 *           extension: {server: 'mqtts://127.0.0.1:8883'}
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, messageOf, systemErrorCode } from '../failure.ts';
import type { ProfileOptions } from '../options.ts';
import { readCurrentProfile, requireProfile } from './profile-store.ts';

export const MQTT_EXTENSION = 'bramble.dev/mqtt';
const DEFAULT_MQTT_PORT = 8883;

export interface Profile {
  kubeconfigPath: string;
  /** The HTTPS door. */
  server: string;
  mqttHost: string;
  mqttPort: number;
  /** PEM. */
  caCertificate: string;
  clientCertificate: string;
  clientKey: string;
  /** Of the current context; `default` unless it says otherwise. */
  namespace: string;
}

/** /var/lib/bramble for root, as for a master that systemd starts; a folder of one's own for everybody else. */
export function defaultDataDir({ env, isRoot }: Pick<Context, 'env' | 'isRoot'>): string {
  if (env['BRAMBLE_DATA_DIR']) return env['BRAMBLE_DATA_DIR'];
  if (isRoot) return '/var/lib/bramble';
  return join(env['XDG_DATA_HOME'] ?? join(env['HOME'] ?? '/tmp', '.local/share'), 'bramble');
}

/** Flags first, then the environment, then the profile in use, then the data folder. Throws a Failure for an unknown profile. */
export async function findKubeconfig(
  context: Pick<Context, 'env' | 'isRoot'>,
  { kubeconfig, profile, dataDir }: ProfileOptions,
): Promise<string> {
  const { env } = context;
  if (kubeconfig) return kubeconfig;
  if (profile) return requireProfile(context, profile);
  if (dataDir) return join(dataDir, 'admin.kubeconfig');
  if (env['BRAMBLE_KUBECONFIG']) return env['BRAMBLE_KUBECONFIG'];
  if (env['BRAMBLE_PROFILE']) return requireProfile(context, env['BRAMBLE_PROFILE']);
  const current = env['BRAMBLE_DATA_DIR'] ? undefined : await readCurrentProfile(context);
  return current === undefined ? join(defaultDataDir(context), 'admin.kubeconfig') : requireProfile(context, current);
}

export async function loadProfile(context: Context, options: ProfileOptions): Promise<Profile> {
  const path = await findKubeconfig(context, options);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return parseKubeconfig(text, path);
}

/** Throws a Failure that says what is wrong with it. */
export function parseKubeconfig(text: string, path: string): Profile {
  try {
    return parseProfile(text, path);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(EXIT.input, `${path} is no kubeconfig: ${messageOf(error).split('\n')[0]}`);
  }
}

function unreadable(path: string, error: unknown): Failure {
  const code = systemErrorCode(error);
  if (code === 'EACCES') {
    return new Failure(EXIT.notAllowed, `${path} may not be read by this user`, 'run this as the user of the master');
  }
  return new Failure(
    EXIT.unavailable,
    code === 'ENOENT' ? `there is no cluster at ${path}` : `${path} cannot be read: ${messageOf(error)}`,
    'start one with: bramble up; or name another with --kubeconfig, BRAMBLE_KUBECONFIG or --profile',
  );
}

export function parseProfile(text: string, path: string): Profile {
  const config: unknown = parse(text);
  if (!isJsonObject(config)) throw new Failure(EXIT.input, `${path} is no kubeconfig`);
  const context = entry(config, 'contexts', config['current-context'], 'context', path);
  const cluster = entry(config, 'clusters', context['cluster'], 'cluster', path);
  const user = entry(config, 'users', context['user'], 'user', path);
  const server = new URL(string(cluster, 'server', path));
  const mqtt = mqttServer(cluster);
  return {
    kubeconfigPath: path,
    server: server.href,
    mqttHost: mqtt?.hostname ?? server.hostname,
    mqttPort: Number(mqtt?.port || DEFAULT_MQTT_PORT),
    caCertificate: pem(cluster, 'certificate-authority-data', path),
    clientCertificate: pem(user, 'client-certificate-data', path),
    clientKey: pem(user, 'client-key-data', path),
    namespace: typeof context['namespace'] === 'string' ? context['namespace'] : 'default',
  };
}

/** `{name: NAME, cluster: {…}}` in the list `clusters`, and the like. */
function entry(config: JsonObject, list: string, name: unknown, member: string, path: string): JsonObject {
  const entries = Array.isArray(config[list]) ? config[list].filter(isJsonObject) : [];
  const found = entries.find((each) => each['name'] === name)?.[member];
  if (!isJsonObject(found)) throw new Failure(EXIT.input, `${path} has no entry "${String(name)}" in ${list}`);
  return found;
}

function mqttServer(cluster: JsonObject): URL | undefined {
  const extensions = Array.isArray(cluster['extensions']) ? cluster['extensions'].filter(isJsonObject) : [];
  const extension = extensions.find((each) => each['name'] === MQTT_EXTENSION)?.['extension'];
  return isJsonObject(extension) && typeof extension['server'] === 'string' ? new URL(extension['server']) : undefined;
}

function string(object: JsonObject, name: string, path: string): string {
  const value = object[name];
  if (typeof value !== 'string') throw new Failure(EXIT.input, `${path} lacks ${name}`);
  return value;
}

function pem(object: JsonObject, name: string, path: string): string {
  return Buffer.from(string(object, name, path), 'base64').toString('utf8');
}
