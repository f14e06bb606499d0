/**
 * A link to a broker that people already have: which topics come in from there, which go out. Kept as a Secret
 * `kube-system/mqtt-bridge-<name>`, for it may hold a password. The command line writes these Secrets, the master reads them.
 */
import { isValidFilter } from './topic-filter.ts';

export const MQTT_BRIDGE_SECRET_TYPE = 'bramble.dev/mqtt-bridge';
export const MAX_FILTERS_PER_BRIDGE = 64;

export interface BridgeSettings {
  host: string;
  port: number;
  /** Certificates that are trusted; undefined with TLS: those that the system trusts. */
  tls: { ca?: string } | undefined;
  username?: string;
  password?: string;
  /** Filters of what comes from there, and of what goes there. */
  in: readonly string[];
  out: readonly string[];
  /** False for brokers that do not know MQTT 5: what they send back is then told by its contents. */
  bridgeProtocol: boolean;
}

export class BridgeSettingsError extends Error {
  override readonly name = 'BridgeSettingsError';
}

export function mqttBridgeSecretName(name: string): string {
  return `mqtt-bridge-${name}`;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };

/** Data of the Secret as text. Throws BridgeSettingsError. */
export function parseBridgeSettings(data: Readonly<Record<string, string>>): BridgeSettings {
  const { url = '', ca, username, password } = data;
  const parsed = URL.parse(url);
  const port = parsed && (Number(parsed.port) || DEFAULT_PORTS[parsed.protocol]);
  if (parsed === null || !port || parsed.hostname === '') {
    throw new BridgeSettingsError(`'${url}' is no broker: mqtt://HOST[:PORT] or mqtts://HOST[:PORT]`);
  }
  const settings = { in: parseFilters(data['in']), out: parseFilters(data['out']) };
  if (settings.in.length + settings.out.length === 0) throw new BridgeSettingsError('a bridge needs topics, in or out');
  return {
    ...settings,
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port,
    tls: parsed.protocol === 'mqtts:' ? { ...(ca ? { ca } : {}) } : undefined,
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    bridgeProtocol: data['bridge-protocol'] !== 'off',
  };
}

function parseFilters(lines = ''): string[] {
  const filters = lines.split('\n').filter((line) => line !== '');
  const wrong = filters.find((filter) => !isValidFilter(filter) || filter.startsWith('$'));
  if (wrong !== undefined) throw new BridgeSettingsError(`'${wrong}' is no topic filter of a bridge`);
  if (filters.length > MAX_FILTERS_PER_BRIDGE) {
    throw new BridgeSettingsError(`a bridge may have ${MAX_FILTERS_PER_BRIDGE} filters a way`);
  }
  return filters;
}
