/**
 * People's own MQTT clients (`bramble mqtt user add`): keeps their Secrets at hand, checks their passwords, says when one of
 * them is not what it was. Invariant: a password is worked on one at a time, for each takes 16 MB; a good one is remembered
 * as a keyed hash, so that a house full of clients gets in quickly after a restart.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Secret, SecretKind } from '../../../shared/api/secret.ts';
import type { Client } from '../../../shared/client/client.ts';
import { Informer, keyOf } from '../../../shared/client/informer.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import {
  fingerprint,
  MQTT_USER_NAMESPACE,
  MQTT_USER_SECRET_TYPE,
  MQTT_USERS_GROUP,
  MqttUserError,
  mqttUserName,
  mqttUserSecretName,
  parseTopicRights,
  passwordMatches,
  READ_EXTRA,
  WRITE_EXTRA,
} from '../../../shared/protocol/mqtt-user.ts';
import { GROUP, type UserInfo } from '../../apiserver/user-info.ts';
import { SessionRefused } from '../../broker/session-refused.ts';
import { unauthorized } from './unauthorized.ts';

/** Passwords that may wait to be checked; who comes later tries again. */
const MAX_WAITING_CHECKS = 256;

/** What the user's settings were when a session began. */
const VERSION_EXTRA = 'bramble.dev/mqtt-version';

export interface MqttUsersOptions {
  /** Reads Secrets in kube-system. */
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface MqttUserChange {
  /** As the API knows the user. */
  name: string;
  gone: boolean;
  /** Whether a session with this identity is as the user is now. */
  isCurrent(identity: Pick<UserInfo, 'name' | 'extra'>): boolean;
}

export class MqttUsers implements Component {
  readonly #secrets: Informer<Secret>;
  readonly #logger: Logger;
  readonly #key = randomBytes(32);
  /** By user: a keyed hash of the stored hash and the password that fitted. */
  readonly #known = new Map<string, Buffer>();
  /** A house full of clients of one user shares what there is to know of it. */
  readonly #users = new WeakMap<Secret, UserInfo>();
  #waiting = 0;
  #checks: Promise<unknown> = Promise.resolve();

  constructor({ client, clock, random, logger }: MqttUsersOptions) {
    this.#logger = logger.with({ component: 'mqtt-users' });
    this.#secrets = new Informer({
      ...{ client, clock, random, logger, kind: SecretKind },
      scope: { namespace: MQTT_USER_NAMESPACE, fieldSelector: `type=${MQTT_USER_SECRET_TYPE}` },
    });
  }

  async start(): Promise<void> {
    await this.#secrets.start();
    await this.#secrets.whenSynced();
  }

  async stop(): Promise<void> {
    await this.#secrets.stop();
  }

  onChange(listener: (change: MqttUserChange) => void): void {
    this.#secrets.onChange((_key, current, previous) => {
      const known = current ?? previous;
      const user = known && textOf(known, 'username');
      if (user === undefined || previous === undefined) return;
      const version = current && versionOf(current);
      const name = mqttUserName(user);
      listener({
        name,
        gone: current === undefined,
        isCurrent: (identity) => identity.name !== name || identity.extra[VERSION_EXTRA]?.[0] === version,
      });
    });
  }

  /** Rejects with Unauthorized, or with SessionRefused when too many ask at once. */
  async userOf(name: string, password: string): Promise<UserInfo> {
    const secret = this.#secrets.get(
      keyOf({ metadata: { namespace: MQTT_USER_NAMESPACE, name: mqttUserSecretName(name) } }),
    );
    const hash = secret && textOf(secret, 'password-hash');
    // An unknown name takes as long as a wrong password.
    const matches = await this.#matches(name, password, hash ?? UNKNOWN_HASH);
    if (secret === undefined || hash === undefined || textOf(secret, 'username') !== name || !matches) {
      throw unauthorized('the user name or the password is wrong; "bramble mqtt user list" shows the users');
    }
    return this.#toUser(name, secret);
  }

  #toUser(name: string, secret: Secret): UserInfo {
    const known = this.#users.get(secret);
    if (known !== undefined) return known;
    const user = {
      name: mqttUserName(name),
      uid: secret.metadata.uid ?? '',
      groups: [MQTT_USERS_GROUP, GROUP.authenticated],
      extra: { ...this.#topicsOf(secret), [VERSION_EXTRA]: [versionOf(secret)] },
    };
    this.#users.set(secret, user);
    return user;
  }

  /** Whoever wrote the Secret by hand and wrongly is told in the log, and the user has no topics. */
  #topicsOf(secret: Secret): UserInfo['extra'] {
    try {
      const rules = (textOf(secret, 'topics') ?? '').split('\n').filter((rule) => rule !== '');
      const { read, write } = parseTopicRights(rules);
      return { [READ_EXTRA]: read, [WRITE_EXTRA]: write };
    } catch (error) {
      if (!(error instanceof MqttUserError)) throw error;
      this.#logger.warn('the topics of an MQTT user are wrong', { secret: secret.metadata.name, error });
      return {};
    }
  }

  async #matches(name: string, password: string, hash: string): Promise<boolean> {
    const mark = createHmac('sha256', this.#key)
      .update(JSON.stringify([hash, password]))
      .digest();
    const known = this.#known.get(name);
    if (known !== undefined && timingSafeEqual(known, mark)) return true;
    if (this.#waiting >= MAX_WAITING_CHECKS) {
      throw new SessionRefused('unavailable', 'too many passwords are waiting to be checked; try again');
    }
    this.#waiting += 1;
    const check = this.#checks.then(() => passwordMatches(password, hash));
    this.#checks = check.catch(() => undefined);
    try {
      const matches = await check;
      if (matches) this.#known.set(name, mark);
      return matches;
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** Fits no password: of a salt and a key that nobody has. */
const UNKNOWN_HASH = `scrypt$16384$8$1$${randomBytes(16).toString('base64')}$${randomBytes(32).toString('base64')}`;

function versionOf(secret: Secret): string {
  return fingerprint([textOf(secret, 'password-hash') ?? '', textOf(secret, 'topics') ?? '']);
}

function textOf({ data }: Secret, key: string): string | undefined {
  const value = data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}
