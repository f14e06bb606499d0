/**
 * Bootstrap tokens: Secrets `kube-system/bootstrap-token-<id>` as kubeadm writes them. A token is only good for joining: its
 * user is in system:bootstrappers and may ask for a certificate, nothing else. Source: Kubernetes, "Authenticating with
 * Bootstrap Tokens".
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Secret, SecretKind } from '../../../shared/api/secret.ts';
import type { Client } from '../../../shared/client/client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { type Clock, parseTime } from '../../../shared/platform/clock.ts';
import { GROUP, type UserInfo } from '../../apiserver/user-info.ts';
import { unauthorized } from './unauthorized.ts';

const SECRET_TYPE = 'bootstrap.kubernetes.io/token';

/** Extra groups must stay below the bootstrappers: a token cannot make an administrator. */
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export interface BootstrapTokenOptions {
  /** Reads Secrets in kube-system. */
  client: Pick<Client, 'get'>;
  clock: Pick<Clock, 'nowMs'>;
}

export async function userOfBootstrapToken(
  { client, clock }: BootstrapTokenOptions,
  token: { id: string; secret: string },
): Promise<UserInfo> {
  const data = await readToken(client, token.id);
  if (data === undefined || !sameText(data.get('token-secret') ?? '', token.secret)) {
    throw unauthorized('the join token is not known here; run "bramble token create" on the master for a new one');
  }
  const expiration = data.get('expiration');
  const expiresMs = parseTime(expiration);
  if (expiration !== undefined && (expiresMs === undefined || expiresMs <= clock.nowMs())) {
    throw unauthorized(`the join token ended at ${expiration}; run "bramble token create" on the master for a new one`);
  }
  const extra = (data.get('auth-extra-groups') ?? '').split(',').filter((group) => EXTRA_GROUP.test(group));
  const groups = [GROUP.bootstrappers, ...extra, GROUP.authenticated];
  return { name: `system:bootstrap:${token.id}`, uid: '', groups, extra: {} };
}

/** Decoded data; undefined when there is no such token, or it is not meant for this. */
async function readToken(client: Pick<Client, 'get'>, id: string): Promise<ReadonlyMap<string, string> | undefined> {
  const secret = await getSecret(client, `bootstrap-token-${id}`);
  if (secret === undefined || secret.type !== SECRET_TYPE || secret.metadata.deletionTimestamp !== undefined) {
    return undefined;
  }
  const decoded = Object.entries(secret.data ?? {}).map(([key, value]): [string, string] => [
    key,
    Buffer.from(value, 'base64').toString('utf8'),
  ]);
  const data = new Map(decoded);
  const isMeant = data.get('token-id') === id && data.get('usage-bootstrap-authentication') === 'true';
  return isMeant ? data : undefined;
}

async function getSecret(client: Pick<Client, 'get'>, name: string): Promise<Secret | undefined> {
  try {
    return await client.get(SecretKind, { namespace: 'kube-system', name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** In constant time, whatever the lengths are. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
