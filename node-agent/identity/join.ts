/**
 * A node joins: checks the master by the token's hash, shows the token, gets a certificate. Tries again while the master
 * cannot be reached, and says so; gives up at once when trying again cannot help.
 */
import { X509Certificate } from 'node:crypto';
import { createClient } from '../../shared/client/create-client.ts';
import { StatusError } from '../../shared/machinery/errors.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../shared/platform/backoff.ts';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { type Random, randomSuffix } from '../../shared/platform/random.ts';
import {
  BOOTSTRAP_USERNAME,
  formatBootstrapToken,
  type JoinToken,
  JoinTokenError,
  parseJoinToken,
} from '../../shared/protocol/join-token.ts';
import { connectMqtt, type MqttFailure } from '../../shared/protocol/mqtt-transport.ts';
import { createRpcClient } from '../../shared/protocol/rpc-client.ts';
import { topics } from '../../shared/protocol/topics.ts';
import { IdentityError, type IdentityFiles } from './identity-files.ts';
import { askMasterTime } from './master-time.ts';
import { isAboutDates, MasterTrust } from './master-trust.ts';
import { type NodeIdentity, readIdentity, readOrMakeKey, writeIdentity } from './node-identity.ts';
import { fetchCa, type MasterAddress } from './presented-ca.ts';
import { requestCertificate } from './request-certificate.ts';

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
  const { node, master, clock, random, logger, signal } = options;
  const ca = await fetchCa(master, token);
  const earliestMs = new X509Certificate(ca).validFromDate.getTime();
  const trust = new MasterTrust({ master, ca, earliestMs, askTime: askMasterTime, clock, logger });
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => undefined);
  // Free to choose, but a topic's level: the broker lets only this session read the answers.
  const clientId = `bootstrap-${node}-${randomSuffix(random)}`;
  const transport = connectMqtt({
    clientId,
    connection: () => ({
      ...trust.connection(),
      username: BOOTSTRAP_USERNAME,
      password: formatBootstrapToken(token),
    }),
    clock,
    random,
    logger,
    onFailure: (failure) =>
      void trust.overcomes(failure).then((isOvercome) => (isOvercome ? undefined : refused.reject(explain(failure)))),
  });
  const rpc = createRpcClient({
    transport,
    requestTopic: topics.apiRequest(clientId),
    responseTopic: topics.apiResponse(clientId),
    clock,
    random,
    logger,
    peer: 'the master',
  });
  try {
    await Promise.race([whenUp(transport), refused.promise]);
    const client = createClient(rpc.call);
    const certificate = await Promise.race([
      requestCertificate({ client, node, key, clock, random, signal }),
      refused.promise,
    ]);
    return { key, certificate, ca };
  } catch (error) {
    throw isRefused(error) ? new IdentityError('denied', error.message) : error;
  } finally {
    rpc.stop();
    await transport.close();
  }
}

function whenUp(transport: { onLink(listener: (up: boolean) => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    transport.onLink((up) => {
      if (up) resolve();
    });
  });
}

/** A token that is unknown or over stays so; whoever cannot be reached may be there later. */
function explain(failure: MqttFailure): Error {
  if (failure.reason === 'bad-credentials' || failure.reason === 'not-authorized') {
    return new IdentityError(
      'bad-token',
      'the master does not accept this join token: it is unknown there or has expired; run "bramble token create" on the master for a new one',
    );
  }
  // Without the master's time nothing is known about dates: it may be given later.
  if (failure.reason === 'untrusted' && !isAboutDates(failure)) return new IdentityError('wrong-ca', failure.message);
  return failure;
}

function isRefused(error: unknown): error is StatusError {
  return error instanceof StatusError && (error.reason === 'Forbidden' || error.reason === 'Invalid');
}
