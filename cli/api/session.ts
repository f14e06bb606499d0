/** A session of one command with the master, over MQTT with the certificate of the profile. */
import { StatusError } from '../../shared/machinery/errors.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { randomSuffix } from '../../shared/platform/random.ts';
import { MASTER_SERVER_NAME } from '../../shared/protocol/join-token.ts';
import {
  connectMqtt,
  MqttFailure,
  type MqttFailureReason,
  type MqttTransport,
} from '../../shared/protocol/mqtt-transport.ts';
import { createRpcClient } from '../../shared/protocol/rpc-client.ts';
import { CLI_CLIENT_PREFIX, topics } from '../../shared/protocol/topics.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode, Failure, systemErrorCode } from '../failure.ts';
import type { ProfileOptions } from '../options.ts';
import { JsonPathError } from '../print/json-path.ts';
import { type Api, createApi } from './api.ts';
import { findMaster } from './find-master.ts';
import { loadProfile, type Profile } from './kubeconfig.ts';

export interface Session {
  api: Api;
  profile: Profile;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Opens a session, runs `work`, closes the session, however `work` ended. */
export async function withSession<T>(
  context: Context,
  options: ProfileOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const profile = await loadProfile(context, options);
  const clientId = `${CLI_CLIENT_PREFIX}${randomSuffix(context.random, 10)}`;
  const transport = await connect(context, profile, clientId);
  const rpc = createRpcClient({
    transport,
    requestTopic: topics.apiRequest(clientId),
    responseTopic: topics.apiResponse(clientId),
    clock: context.clock,
    random: context.random,
    logger: silentLogger,
    peer: 'the master',
  });
  try {
    return await work({ api: createApi(rpc.call, context.signal), profile });
  } finally {
    rpc.stop();
    await transport.close();
  }
}

/** Where the kubeconfig says; where nobody answers there, where the LAN says that its master is. */
async function connect(context: Context, profile: Profile, clientId: string): Promise<MqttTransport> {
  const failed = (error: unknown): unknown =>
    error instanceof MqttFailure ? renderConnectFailure(profile, error) : error;
  try {
    return await dial(context, profile, clientId);
  } catch (error) {
    const isLost = error instanceof MqttFailure && error.reason === 'unreachable';
    const place = isLost ? await findMaster(context.clock, profile) : undefined;
    if (place === undefined) throw failed(error);
    context.stderr.write(`the master does not answer at ${profile.mqttHost}; found it at ${place.mqttHost}\n`);
    return await dial(context, { ...profile, ...place }, clientId).catch((again) => {
      throw failed(again);
    });
  }
}

/** Resolves when the link is up; rejects with MqttFailure. A command does not try twice, a person does. */
async function dial(context: Context, profile: Profile, clientId: string): Promise<MqttTransport> {
  const { clock, random, signal } = context;
  const ready = Promise.withResolvers<void>();
  const transport = connectMqtt({
    clientId,
    connection: () => ({
      host: profile.mqttHost,
      port: profile.mqttPort,
      tls: {
        ca: profile.caCertificate,
        cert: profile.clientCertificate,
        key: profile.clientKey,
        servername: MASTER_SERVER_NAME,
      },
    }),
    clock,
    random,
    logger: silentLogger,
    onFailure: (failure) => ready.reject(failure),
  });
  const timer = clock.after(CONNECT_TIMEOUT_MS, () => ready.reject(new MqttFailure('unreachable', 'no answer')));
  const onAbort = (): void => ready.reject(interrupted());
  signal.addEventListener('abort', onAbort, { once: true });
  const unlink = transport.onLink((up) => {
    if (up) ready.resolve();
  });
  try {
    await ready.promise;
    return transport;
  } catch (error) {
    await transport.close();
    throw error;
  } finally {
    timer.cancel();
    unlink();
    signal.removeEventListener('abort', onAbort);
  }
}

export function interrupted(): Failure {
  return new Failure(EXIT.interrupted, 'interrupted');
}

const CONNECT_ADVICE: Record<MqttFailureReason, { code: ExitCode; what: string; hint: string }> = {
  unreachable: {
    code: EXIT.unavailable,
    what: 'does not answer',
    hint: 'is it running? bramble up starts a cluster, bramble doctor looks for the cause',
  },
  untrusted: {
    code: EXIT.notAllowed,
    what: 'is not the one of this kubeconfig: its certificate is from another CA',
    hint: 'use the admin.kubeconfig of the cluster that runs there',
  },
  'not-authorized': {
    code: EXIT.notAllowed,
    what: 'does not accept the certificate of this kubeconfig',
    hint: 'use the admin.kubeconfig of the cluster that runs there',
  },
  'bad-credentials': {
    code: EXIT.notAllowed,
    what: 'does not accept the certificate of this kubeconfig',
    hint: 'use the admin.kubeconfig of the cluster that runs there',
  },
  'identifier-rejected': {
    code: EXIT.failed,
    what: 'refused the session',
    hint: 'try again; the log of the master says more',
  },
};

function renderConnectFailure(profile: Profile, failure: MqttFailure): Failure {
  const { code, what, hint } = CONNECT_ADVICE[failure.reason];
  const detail = failure.message === '' ? '' : ` (${failure.message})`;
  return new Failure(code, `the master at ${profile.mqttHost}:${profile.mqttPort} ${what}${detail}`, hint);
}

const EXIT_CODES: Partial<Record<StatusError['reason'], ExitCode>> = {
  Unauthorized: EXIT.notAllowed,
  Forbidden: EXIT.notAllowed,
  ServiceUnavailable: EXIT.unavailable,
  Timeout: EXIT.timeout,
};

const HINTS: Partial<Record<StatusError['reason'], string>> = {
  Forbidden: 'an administrator can give the right: docs/access.md',
  NotFound: 'is that the name, and the namespace? bramble get TYPE -A prints what there is',
  ServiceUnavailable: 'try again; bramble doctor looks for the cause',
};

/** Every error of a command as a Failure; programmer errors stay what they are. */
export function toFailure(error: unknown, signal: AbortSignal): Failure | undefined {
  if (error instanceof Failure) return error;
  if (signal.aborted) return interrupted();
  if (error instanceof StatusError) {
    return new Failure(EXIT_CODES[error.reason] ?? EXIT.failed, error.message, HINTS[error.reason]);
  }
  if (error instanceof JsonPathError)
    return new Failure(EXIT.usage, error.message, 'write a path such as {.spec.replicas}');
  // Of this machine: a disk that is full, a file that may not be read.
  if (error instanceof Error && systemErrorCode(error) !== undefined) return new Failure(EXIT.failed, error.message);
  return undefined;
}
