/**
 * A session with the master that is good for one thing: to ask for the node's certificate. It is opened with a join token, or
 * with what a returning board can show.
 */
import { X509Certificate } from 'node:crypto';
import { createClient } from '../../shared/client/create-client.ts';
import { StatusError } from '../../shared/machinery/errors.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { type Random, randomSuffix } from '../../shared/platform/random.ts';
import { BOOTSTRAP_USERNAME } from '../../shared/protocol/join-token.ts';
import { connectMqtt, type MqttFailure } from '../../shared/protocol/mqtt-transport.ts';
import { createRpcClient } from '../../shared/protocol/rpc-client.ts';
import { topics } from '../../shared/protocol/topics.ts';
import { IdentityError } from './identity-files.ts';
import { askMasterTime } from './master-time.ts';
import { isAboutDates, MasterTrust } from './master-trust.ts';
import type { MasterAddress } from './presented-ca.ts';
import { requestCertificate } from './request-certificate.ts';

export interface BootstrapSessionOptions {
  node: string;
  /** Serial number of the board; empty: it has none. */
  serial: string;
  master: MasterAddress;
  /** PEM of the CA that the master must have. */
  ca: string;
  password: string;
  /** What to say when the password is not accepted. */
  refusal: string;
  /** PEM of the key to be certified. */
  key: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  signal: AbortSignal;
  /** The master has left the decision to a person. */
  onWaiting?(): void;
}

/** PEM of the certificate. Rejects with IdentityError where trying again does not help. */
export async function askOverBootstrap(options: BootstrapSessionOptions): Promise<string> {
  const { node, master, ca, password, clock, random, logger } = options;
  const earliestMs = new X509Certificate(ca).validFromDate.getTime();
  const trust = new MasterTrust({ master, ca, earliestMs, askTime: askMasterTime, clock, logger });
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => undefined);
  const onFailure = async (failure: MqttFailure): Promise<void> => {
    if (!(await trust.overcomes(failure))) refused.reject(explain(failure, options.refusal));
  };
  // Free to choose, but a topic's level: the broker lets only this session read the answers.
  const clientId = `bootstrap-${node}-${randomSuffix(random)}`;
  const transport = connectMqtt({
    ...{ clientId, clock, random, logger },
    connection: () => ({ ...trust.connection(), username: BOOTSTRAP_USERNAME, password }),
    onFailure: (failure) => void onFailure(failure),
  });
  const rpc = createRpcClient({
    ...{ transport, clock, random, logger, peer: 'the master' },
    requestTopic: topics.apiRequest(clientId),
    responseTopic: topics.apiResponse(clientId),
  });
  try {
    await Promise.race([whenUp(transport), refused.promise]);
    const request = requestCertificate({ ...options, client: createClient(rpc.call) });
    return await Promise.race([request, refused.promise]);
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

/** A password that is unknown or over stays so; whoever cannot be reached may be there later. */
function explain(failure: MqttFailure, refusal: string): Error {
  if (failure.reason === 'bad-credentials' || failure.reason === 'not-authorized') {
    return new IdentityError('bad-token', refusal);
  }
  // Without the master's time nothing is known about dates: it may be given later.
  if (failure.reason === 'untrusted' && !isAboutDates(failure)) return new IdentityError('wrong-ca', failure.message);
  return failure;
}

function isRefused(error: unknown): error is StatusError {
  return error instanceof StatusError && (error.reason === 'Forbidden' || error.reason === 'Invalid');
}
