/**
 * People's own MQTT clients: a user name, a password, and the topics that it may read and write. Kept as a Secret
 * `kube-system/mqtt-user-<name>`, like a join token; the password only as its scrypt hash. The command line writes these
 * Secrets, the master reads them.
 */
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { BOOTSTRAP_USERNAME } from './join-token.ts';
import { isValidFilter } from './topic-filter.ts';

export const MQTT_USER_SECRET_TYPE = 'bramble.dev/mqtt-user';
export const MQTT_USER_NAMESPACE = 'kube-system';
export const MQTT_USERS_GROUP = 'bramble.dev:mqtt-users';

/** Members of `extra` of a session's identity: filters. */
export const READ_EXTRA = 'bramble.dev/mqtt-read';
export const WRITE_EXTRA = 'bramble.dev/mqtt-write';

export const MAX_TOPICS_PER_USER = 64;
export const MAX_PASSWORD_CHARS = 256;

/** MQTT user name beside a bearer token. */
export const TOKEN_USERNAME = 'token';

/** These names mean other credentials. */
const RESERVED_NAMES: readonly string[] = [BOOTSTRAP_USERNAME, TOKEN_USERNAME];

export interface MqttUserTopics {
  /** Filters that the user may subscribe to. */
  read: readonly string[];
  /** Filters of topics that the user may publish to. */
  write: readonly string[];
}

export class MqttUserError extends Error {
  override readonly name = 'MqttUserError';
}

export function mqttUserSecretName(user: string): string {
  return `mqtt-user-${user}`;
}

/** Name of the user for the API's rights: bind roles to it. */
export function mqttUserName(user: string): string {
  return `mqtt:${user}`;
}

/** Throws MqttUserError. */
export function checkMqttUserName(name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name) || RESERVED_NAMES.includes(name)) {
    throw new MqttUserError(
      `'${name}' cannot be a user: small letters, digits and dashes, at most 63, and not ${RESERVED_NAMES.join(' or ')}`,
    );
  }
}

/** Lines or arguments `home/#`, `read:zigbee2mqtt/#`, `write:cmnd/+/power`. Throws MqttUserError. */
export function parseTopicRights(rules: readonly string[]): MqttUserTopics {
  const read: string[] = [];
  const write: string[] = [];
  for (const rule of rules) {
    const [, way, filter = ''] = /^(?:(read|write):)?(.*)$/s.exec(rule) ?? [];
    if (!isValidFilter(filter)) throw new MqttUserError(`'${filter}' is no topic filter: wildcards are whole levels`);
    if (way !== 'write') read.push(filter);
    if (way !== 'read') write.push(filter);
  }
  if (rules.length > MAX_TOPICS_PER_USER) {
    throw new MqttUserError(`a user may have ${MAX_TOPICS_PER_USER} topics, not ${rules.length}`);
  }
  return { read, write };
}

/** Memory and time of one check: 16 MiB, some 60 ms on a Pi 4. Source: RFC 7914, and OWASP's smallest recommendation. */
const SCRYPT = { N: 16_384, r: 8, p: 1, keyBytes: 32, saltBytes: 16 } as const;

/** `scrypt$16384$8$1$<salt>$<key>`, both in base64. Throws MqttUserError. */
export async function hashPassword(password: string, salt: Buffer = randomBytes(SCRYPT.saltBytes)): Promise<string> {
  if (password === '' || password.length > MAX_PASSWORD_CHARS) {
    throw new MqttUserError(`a password has 1 to ${MAX_PASSWORD_CHARS} characters`);
  }
  const key = await derive(password, salt);
  return ['scrypt', SCRYPT.N, SCRYPT.r, SCRYPT.p, salt.toString('base64'), key.toString('base64')].join('$');
}

export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  const [scheme, N, r, p, salt = '', key = ''] = hash.split('$');
  const isKnown = scheme === 'scrypt' && N === `${SCRYPT.N}` && r === `${SCRYPT.r}` && p === `${SCRYPT.p}`;
  if (!isKnown || password.length > MAX_PASSWORD_CHARS) return false;
  const wanted = Buffer.from(key, 'base64');
  const given = await derive(password, Buffer.from(salt, 'base64'));
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

/** Tells one version of a user's settings from the next. */
export function fingerprint(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  const { N, r, p, keyBytes } = SCRYPT;
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, keyBytes, { N, r, p }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
