/**
 * A node joins: checks the master by the token's hash, shows the token, gets a certificate. Tries again while the master
 * cannot be reached, and says so; gives up at once when trying again cannot help.
 */
import { type BackoffPolicy, computeBackoffMs } from '../../shared/platform/backoff.ts';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import {
  formatBootstrapToken,
  type JoinToken,
  JoinTokenError,
  parseJoinToken,
} from '../../shared/protocol/join-token.ts';
import { askOverBootstrap } from './bootstrap-session.ts';
import { IdentityError, type IdentityFiles } from './identity-files.ts';
import { type NodeIdentity, readIdentity, readOrMakeKey, writeIdentity } from './node-identity.ts';
import { fetchCa, type MasterAddress } from './presented-ca.ts';

export interface JoinOptions {
  node: string;
  /** undefined: only a stored identity will do. */
  token: string | undefined;
  master: MasterAddress;
  files: IdentityFiles;
  clock: Clock;
  random: Random;
  logger: Logger;
  signal: AbortSignal;
  /** Serial number of the board; empty: it has none. */
  serial: string;
  /** The master has left the decision to a person. */
  onWaiting?(): void;
}

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 30_000, factor: 2, jitter: 0.3 };

/** The stored identity, or a new one by the token. Rejects with IdentityError, or when the signal aborts. */
export async function obtainIdentity(options: JoinOptions): Promise<NodeIdentity> {
  const { files, node, token, master, clock, random, logger, signal } = options;
  const present = await readIdentity(files, node);
  if (present !== undefined) return present;
  const parsed = parseToken(token);
  const key = await readOrMakeKey(files);
  for (let attempt = 0; ; attempt += 1) {
    try {
      const identity = await join(options, parsed, key);
      await writeIdentity(files, identity);
      logger.info('joined the cluster', { node, master: master.host });
      return identity;
    } catch (error) {
      if (error instanceof IdentityError || signal.aborted) throw error;
      const delayMs = computeBackoffMs(RETRY, attempt, random);
      const where = `${master.host}:${master.port}`;
      logger.warn('cannot join yet, will try again', { master: where, error, inSeconds: Math.round(delayMs / 1000) });
      await sleep(clock, delayMs, signal);
    }
  }
}

function parseToken(token: string | undefined): JoinToken {
  if (token === undefined) {
    throw new IdentityError(
      'no-token',
      'this node has not joined a cluster yet: run "bramble token create" on the master and start with --join TOKEN',
    );
  }
  try {
    return parseJoinToken(token);
  } catch (error) {
    if (error instanceof JoinTokenError) throw new IdentityError('bad-token', error.message);
    throw error;
  }
}

async function join(options: JoinOptions, token: JoinToken, key: string): Promise<NodeIdentity> {
  const ca = await fetchCa(options.master, token);
  const refusal =
    'the master does not accept this join token: it is unknown there or has expired; run "bramble token create" on the master for a new one';
  const password = formatBootstrapToken(token);
  return { key, certificate: await askOverBootstrap({ ...options, ca, password, refusal, key }), ca };
}
