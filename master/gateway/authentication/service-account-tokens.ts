/**
 * Tokens of service accounts: issued for a bounded time and bound to the account, and to a pod where one is named; they end
 * with them. Source: Kubernetes, "Bound service account tokens", and TokenRequest.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { BoundObjectReference } from '../../../shared/api/authentication.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { ServiceAccountKind } from '../../../shared/api/service-account.ts';
import type { Client, KindRef } from '../../../shared/client/client.ts';
import { badRequest, conflict, isStatusError } from '../../../shared/machinery/errors.ts';
import { type Clock, formatTime } from '../../../shared/platform/clock.ts';
import { type Random, randomUuid } from '../../../shared/platform/random.ts';
import { generatePrivateKey, readPrivateKey } from '../../../shared/protocol/x509/keys.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import type { TokenAuthenticator, TokenIssuer, TokenSubject } from '../../apiserver/endpoints/tokens.ts';
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

/** What a token says of its holder. */
interface BoundSubject {
  namespace: string;
  serviceAccount: Reference;
  /** The token ends with this pod. */
  pod?: Reference;
}

interface Reference {
  name: string;
  uid: string;
}

/** `service-account.key`, made at the first start. */
export async function openTokenKey(files: PkiFiles): Promise<KeyObject> {
  const known = await files.read('service-account.key');
  const key = known ?? generatePrivateKey();
  if (known === undefined) await files.writePrivate('service-account.key', key);
  return readPrivateKey(key);
}

export interface TokenOptions {
  key: KeyObject;
  clock: Pick<Clock, 'nowMs'>;
  random: Random;
  /** Reads ServiceAccounts and Pods: a token ends with what it is bound to. */
  client: Pick<Client, 'get'>;
}

/** For `serviceaccounts/token`. Rejects when the token shall be bound to what is not there. */
export function createTokenIssuer({ key, clock, random, client }: TokenOptions): TokenIssuer {
  return async (subject, { audiences = [], expirationSeconds, boundObjectRef }) => {
    const { namespace, name, uid } = subject;
    const pod = boundObjectRef && (await readBoundPod(client, subject, boundObjectRef));
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    const endSeconds = nowSeconds + Math.min(Math.max(expirationSeconds, MIN_TOKEN_SECONDS), MAX_TOKEN_SECONDS);
    const claims = {
      aud: audiences.length === 0 ? [ISSUER] : audiences,
      exp: endSeconds,
      iat: nowSeconds,
      iss: ISSUER,
      jti: randomUuid(random),
      'kubernetes.io': { namespace, serviceaccount: { name, uid }, ...(pod ? { pod } : {}) },
      nbf: nowSeconds - BACKDATE_SECONDS,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    return { token: signToken(claims, key), expirationTimestamp: formatTime(endSeconds * 1000) };
  };
}

async function readBoundPod(
  client: Pick<Client, 'get'>,
  subject: TokenSubject,
  { kind, name = '', uid }: BoundObjectReference,
): Promise<Reference> {
  if (kind !== 'Pod') throw badRequest(`a token can be bound to a Pod, not to a ${kind}`);
  const pod = await client.get(PodKind, { namespace: subject.namespace, name });
  if (uid && uid !== pod.metadata.uid) {
    throw conflict({ group: '', plural: 'pods' }, name, `the uid ${uid} of the request is not that of the pod`);
  }
  if ((pod.spec.serviceAccountName || 'default') !== subject.name) {
    throw badRequest(`the pod ${name} does not run as the service account ${subject.name}`);
  }
  return { name, uid: pod.metadata.uid };
}

/** For TokenReview: undefined for a token that is not good, or good for none of the audiences. */
export function createTokenAuthenticator(options: Omit<TokenOptions, 'random'>): TokenAuthenticator {
  return async (token, wanted) => {
    try {
      const { user, audiences } = await readServiceAccountToken(options, token);
      const common = (wanted.length === 0 ? [ISSUER] : wanted).filter((audience) => audiences.includes(audience));
      return common.length === 0 ? undefined : { user, audiences: common };
    } catch (error) {
      if (isStatusError(error, 'Unauthorized')) return undefined;
      throw error;
    }
  };
}

/** The user of a request to this API. Throws Unauthorized, with the reason in its message. */
export async function userOfServiceAccountToken(
  options: Omit<TokenOptions, 'random'>,
  token: string,
): Promise<UserInfo> {
  const { user, audiences } = await readServiceAccountToken(options, token);
  if (!audiences.includes(ISSUER)) throw unauthorized('the bearer token is meant for another audience than this API');
  return user;
}

async function readServiceAccountToken(
  { key, clock, client }: Omit<TokenOptions, 'random'>,
  token: string,
): Promise<{ user: UserInfo; audiences: readonly string[] }> {
  const claims = verifyToken(token, createPublicKey(key));
  if (claims === undefined || claims['iss'] !== ISSUER) {
    throw unauthorized('the bearer token was not signed by this cluster');
  }
  checkDates(claims, clock.nowMs());
  const subject = readSubject(claims);
  await checkAlive(client, subject);
  const { aud } = claims;
  return { user: userOfSubject(subject), audiences: (Array.isArray(aud) ? aud : [aud]).map(String) };
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

function readSubject(claims: Claims): BoundSubject {
  const own = asRecord(claims['kubernetes.io']);
  const account = readReference(own['serviceaccount']);
  const namespace = own['namespace'];
  if (account === undefined || typeof namespace !== 'string')
    throw unauthorized('the bearer token names no service account');
  const pod = readReference(own['pod']);
  return { namespace, serviceAccount: account, ...(pod ? { pod } : {}) };
}

function readReference(value: unknown): Reference | undefined {
  const { name, uid } = asRecord(value);
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

async function checkAlive(
  client: Pick<Client, 'get'>,
  { namespace, serviceAccount, pod }: BoundSubject,
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
function userOfSubject({ namespace, serviceAccount, pod }: BoundSubject): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, GROUP.authenticated],
    extra: pod
      ? { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] }
      : {},
  };
}
