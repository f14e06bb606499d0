/** The bootstrap token cleaner: a join token whose time is over is deleted with its Secret. */
import { type Secret, SecretKind } from '../../shared/api/secret.ts';
import { parseKey } from '../../shared/client/informer.ts';
import { parseTime } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from './informers.ts';
import { thisObject, unlessGone } from './requests.ts';
import { SyncedController } from './synced-controller.ts';

const TOKEN_NAMESPACE = 'kube-system';
const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';

export function createBootstrapTokenCleaner(environment: Environment, informers: Informers): Component {
  const { client, clock, logger } = environment;
  const controller = new SyncedController({
    ...environment,
    name: 'bootstrap-token-cleaner',
    informers: [informers.secrets],
    async reconcile(key) {
      const secret = informers.secrets.get(key);
      const expiresMs = secret && computeTokenExpiryMs(secret);
      if (secret === undefined || expiresMs === undefined) return {};
      const leftMs = expiresMs - clock.nowMs();
      if (leftMs > 0) return { requeueAfterMs: leftMs };
      await unlessGone(client.delete(SecretKind, parseKey(key), thisObject(secret.metadata)));
      logger.info('expired join token deleted', { secret: key });
      return {};
    },
  });
  informers.secrets.onChange((key, current) => {
    if (current !== undefined && isToken(current)) controller.enqueue(key);
  });
  return controller;
}

/** Milliseconds since the epoch; undefined: no join token, or one that does not end. An unreadable end is over. */
export function computeTokenExpiryMs(secret: Secret): number | undefined {
  const expiration = secret.data?.['expiration'];
  if (!isToken(secret) || expiration === undefined) return undefined;
  return parseTime(Buffer.from(expiration, 'base64').toString('utf8')) ?? 0;
}

function isToken({ metadata, type }: Secret): boolean {
  return metadata.namespace === TOKEN_NAMESPACE && type === TOKEN_TYPE;
}
