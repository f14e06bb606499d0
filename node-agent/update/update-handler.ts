/**
 * What the node answers about its version, below `nodes/{name}/proxy/update` of the API:
 *
 *     GET  /update                         what runs, and how the last update went
 *     POST /update?sha256=…&signature=…    channel 0 takes a bundle; lines of progress on 1, a Status on 3
 *
 * Invariant: nothing is unpacked or run that the key of the cluster's CA has not signed; one bundle at a time.
 */
import { createHash } from 'node:crypto';
import { badRequest, type Status, StatusError } from '../../shared/machinery/errors.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { isSignedBy } from '../../shared/protocol/bundle-signature.ts';
import {
  CHANNEL,
  type Channels,
  type Handler,
  objectResponse,
  queryValue,
  type Request,
} from '../../shared/protocol/exchange.ts';
import { type Installation, InstallationError, type Upload } from './installation.ts';

export interface UpdateHandlerOptions {
  /** Undefined: the agent was not installed from a bundle. */
  installation: Installation | undefined;
  /** PEM of the cluster's CA. */
  ca(): string;
  /** The version that is current now is to take over; called when everything is said. */
  restart(): void;
  logger: Logger;
}

export const UPDATE_PATH = '/update';

/** A bundle has some 50 MB; a card must not be filled by a mistake. */
const MAX_BUNDLE_BYTES = 512 * 1024 * 1024;

const SHA256 = /^[0-9a-f]{64}$/;

const SUCCESS: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

export function createUpdateHandler(options: UpdateHandlerOptions): Handler {
  const { installation } = options;
  let isBusy = false;
  return async (request) => {
    if (installation === undefined) {
      throw badRequest('this agent does not run from an installation with versions: update it as it was installed');
    }
    if (request.method === 'GET') return objectResponse(await readStatus(installation));
    if (request.method !== 'POST') throw new StatusError('MethodNotAllowed', 'an update is asked for by POST');
    const sha256 = checkSignature(options, request);
    if (isBusy) throw new StatusError('Conflict', 'another update of this node is under way');
    isBusy = true;
    const end = (): void => {
      isBusy = false;
    };
    return {
      type: 'channels',
      code: 101,
      serve: (channels) => serve({ ...options, installation }, channels, sha256).finally(end),
    };
  };
}

async function readStatus(installation: Installation): Promise<object> {
  return { kind: 'NodeUpdate', apiVersion: 'bramble.dev/v1', ...(await installation.status()) };
}

/** The hash is what is signed: a bundle of strangers is refused before a byte of it is taken. */
function checkSignature({ ca }: UpdateHandlerOptions, request: Request): string {
  const [sha256 = '', signature = ''] = ['sha256', 'signature'].map((name) => queryValue(request, name));
  if (!SHA256.test(sha256) || signature === '') throw badRequest('an update needs sha256 and signature of its bundle');
  if (isSignedBy(sha256, signature, ca())) return sha256;
  throw new StatusError('Forbidden', "the bundle is not signed with this cluster's key");
}

type Work = UpdateHandlerOptions & { installation: Installation };

async function serve(work: Work, channels: Channels, sha256: string): Promise<void> {
  const { installation, restart, logger } = work;
  const upload = await installation.receive();
  const tell = (line: string): void => {
    logger.info('update', { line });
    channels.send({ channel: CHANNEL.stdout, bytes: Buffer.from(`${line}\n`) }).catch(() => undefined);
  };
  let isNew = false;
  try {
    await takeBundle(upload, channels, sha256);
    isNew = (await installation.install(await upload.finish(), tell)) === 'on-trial';
    await answer(channels, SUCCESS);
  } catch (error) {
    logger.warn('an update was not made', { error });
    await answer(channels, explain(error)).catch(() => undefined);
  } finally {
    await upload.discard().catch(() => undefined);
    channels.close();
  }
  if (isNew) restart();
}

async function takeBundle(upload: Upload, channels: Channels, sha256: string): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const frame of channels.incoming) {
    if (frame.channel !== CHANNEL.stdin) continue;
    if ('close' in frame) {
      if (hash.digest('hex') === sha256) return;
      throw new InstallationError('the bundle came damaged: try again');
    }
    bytes += frame.bytes.length;
    if (bytes > MAX_BUNDLE_BYTES) throw new InstallationError('this is no bundle: it is too large');
    hash.update(frame.bytes);
    await upload.write(frame.bytes);
  }
  throw new InstallationError('the connection broke off before the bundle was here');
}

function answer(channels: Channels, status: Status): Promise<void> {
  return channels.send({ channel: CHANNEL.error, bytes: Buffer.from(JSON.stringify(status)) });
}

function explain(error: unknown): Status {
  const message = error instanceof Error ? error.message : String(error);
  return { ...SUCCESS, status: 'Failure', reason: 'UpdateFailed', message };
}
