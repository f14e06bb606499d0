/**
 * Tokens of service accounts: issued for a bounded time and bound to the account, and to a pod where one is named; they end
 * with them. Source: Kubernetes, "Bound service account tokens", and TokenRequest.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { PodKind } from '../../../shared/api/pod.ts';
import { ServiceAccountKind } from '../../../shared/api/service-account.ts';
import type { Client, KindRef } from '../../../shared/client/client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { type Clock, formatTime } from '../../../shared/platform/clock.ts';
import { type Random, randomUuid } from '../../../shared/platform/random.ts';
import { generatePrivateKey, readPrivateKey } from '../../../shared/protocol/x509/keys.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import { GROUP, type UserInfo } from '../../apiserver/user-info.ts';
import type { PkiFiles } from '../pki/pki-files.ts';
import { type Claims, signToken, verifyToken } from './json-web-token.ts';
import { unauthorized } from './unauthorized.ts';

export const ISSUER = 'https://kubernetes.default.svc.cluster.local';

/** Kubernetes' bounds on the life of a token, in seconds. */
export const MIN_TOKEN_SECONDS = 600;
export const MAX_TOKEN_SECONDS = 365 * 24 * 60 * 60;

/** Clocks of boards differ: a token counts from a little before it was made. */
const BACKDATE_SECONDS = 60;

export interface TokenSubject {
  namespace: string;
  serviceAccount: { name: string; uid: string };
  /** The token ends with this pod. */
  pod?: { name: string; uid: string };
}

export interface IssuedToken {
  token: string;
  /** RFC 3339. */
  expirationTimestamp: string;
}

/** What the API server needs for `serviceaccounts/token`. */
export interface TokenIssuer {
  /** `audiences` empty: the API itself. `expirationSeconds` is kept within Kubernetes' bounds. */
  issue(subject: TokenSubject, options: { audiences: readonly string[]; expirationSeconds: number }): IssuedToken;
}

/** `service-account.key`, made at the first start. */
export async function openTokenKey(files: PkiFiles): Promise<KeyObject> {
  const known = await files.read('service-account.key');
  const key = known ?? generatePrivateKey();
  if (known === undefined) await files.writePrivate('service-account.key', key);
  return readPrivateKey(key);
}

export interface TokenIssuerOptions {
  key: KeyObject;
  clock: Pick<Clock, 'nowMs'>;
  random: Random;
}

export function createTokenIssuer({ key, clock, random }: TokenIssuerOptions): TokenIssuer {
  return {
    issue(subject, { audiences, expirationSeconds }) {
      const { namespace, serviceAccount, pod } = subject;
      const nowSeconds = Math.floor(clock.nowMs() / 1000);
      const lifeSeconds = Math.min(Math.max(expirationSeconds, MIN_TOKEN_SECONDS), MAX_TOKEN_SECONDS);
      const claims = {
        aud: audiences.length === 0 ? [ISSUER] : audiences,
        exp: nowSeconds + lifeSeconds,
        iat: nowSeconds,
        iss: ISSUER,
        jti: randomUuid(random),
        'kubernetes.io': { namespace, serviceaccount: serviceAccount, ...(pod ? { pod } : {}) },
        nbf: nowSeconds - BACKDATE_SECONDS,
        sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
      };
      return { token: signToken(claims, key), expirationTimestamp: formatTime((nowSeconds + lifeSeconds) * 1000) };
    },
  };
}

export interface TokenVerifierOptions {
  key: KeyObject;
  clock: Pick<Clock, 'nowMs'>;
  /** Reads ServiceAccounts and Pods: a token ends with what it is bound to. */
  client: Pick<Client, 'get'>;
}

/** Throws Unauthorized, with the reason in its message. */
export async function userOfServiceAccountToken(options: TokenVerifierOptions, token: string): Promise<UserInfo> {
  const claims = verifyToken(token, createPublicKey(options.key));
  if (claims === undefined) throw unauthorized('the bearer token was not signed by this cluster');
  checkDates(claims, options.clock.nowMs());
  const audiences = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
  if (claims['iss'] !== ISSUER || !audiences.includes(ISSUER)) {
    throw unauthorized('the bearer token is meant for another audience than this API');
  }
  const subject = readSubject(claims);
  await checkAlive(options.client, subject);
  return userOfSubject(subject);
}

function checkDates(claims: Claims, nowMs: number): void {
  const { exp, nbf } = claims;
  if (typeof exp !== 'number' || exp * 1000 <= nowMs) {
    throw unauthorized('the bearer token has expired; ask for a new one');
  }
  if (typeof nbf === 'number' && nbf * 1000 > nowMs) {
    throw unauthorized('the bearer token is not valid yet: check the clock of the master');
  }
}

function readSubject(claims: Claims): TokenSubject {
  const own = asRecord(claims['kubernetes.io']);
  const account = readReference(own['serviceaccount']);
  const namespace = own['namespace'];
  if (account === undefined || typeof namespace !== 'string')
    throw unauthorized('the bearer token names no service account');
  const pod = readReference(own['pod']);
  return { namespace, serviceAccount: account, ...(pod ? { pod } : {}) };
}

function readReference(value: unknown): { name: string; uid: string } | undefined {
  const { name, uid } = asRecord(value);
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

async function checkAlive(
  client: Pick<Client, 'get'>,
  { namespace, serviceAccount, pod }: TokenSubject,
): Promise<void> {
  const accountUid = await readUid(client, ServiceAccountKind, { namespace, name: serviceAccount.name });
  if (accountUid !== serviceAccount.uid) throw unauthorized('the service account of the bearer token is gone');
  if (pod === undefined) return;
  const podUid = await readUid(client, PodKind, { namespace, name: pod.name });
  if (podUid !== pod.uid) throw unauthorized('the pod of the bearer token is gone');
}

async function readUid<T extends KubernetesObject>(
  client: Pick<Client, 'get'>,
  kind: KindRef<T>,
  key: { namespace: string; name: string },
): Promise<string | undefined> {
  try {
    return (await client.get(kind, key)).metadata.uid;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Source: Kubernetes, "Service account tokens". */
function userOfSubject({ namespace, serviceAccount, pod }: TokenSubject): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, GROUP.authenticated],
    extra: pod
      ? { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] }
      : {},
  };
}
