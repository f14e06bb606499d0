/**
 * The only file that knows dockerode. It gives each call a time limit, turns every failure into a RuntimeError and hands out
 * streams as plain Node streams; what the answers mean is decided elsewhere.
 */
import type { Duplex, Readable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import Docker from 'dockerode';
import type { Clock } from '../../shared/platform/clock.ts';
import { statusOf, toRuntimeError } from './docker-errors.ts';
import { RuntimeError } from './runtime.ts';

export type ContainerSummary = Docker.ContainerInfo;
export type ContainerDetails = Docker.ContainerInspectInfo;
export type CreateOptions = Docker.ContainerCreateOptions;
export type ImageDetails = Docker.ImageInspectInfo;
export type ImageSummary = Docker.ImageInfo;

type DialOptions = Parameters<Docker['modem']['dial']>[0];

export interface DockerClientOptions {
  socketPath: string;
  clock: Clock;
}

/** `CpuQuota` of -1: no limit. */
export interface AmountsUpdate {
  CpuShares: number;
  CpuPeriod: number;
  CpuQuota: number;
  Memory?: number;
  MemorySwap?: number;
}

export interface DockerLogOptions {
  follow: boolean;
  timestamps: boolean;
  tail: string;
  since: string;
  signal: AbortSignal;
}

export interface PullRequest {
  reference: string;
  auth: { username: string; password: string; serverAddress: string } | undefined;
  signal: AbortSignal;
}

/** An engine that takes longer for a look-up is as good as away. */
const QUERY_TIMEOUT_MS = 30_000;
/** Creating and starting on a busy SD card. */
const CHANGE_TIMEOUT_MS = 180_000;
/** Beyond the grace period, until the engine has killed the container and said so. */
const STOP_SLACK_MS = 30_000;

export class DockerClient {
  readonly #docker: Docker;
  readonly #options: DockerClientOptions;

  constructor(options: DockerClientOptions) {
    this.#options = options;
    // Spelled out, so that DOCKER_HOST and friends in the environment change nothing.
    this.#docker = new Docker({ socketPath: options.socketPath, protocol: 'http' });
  }

  info(signal?: AbortSignal): Promise<Record<string, unknown>> {
    return this.#call(QUERY_TIMEOUT_MS, () => this.#docker.info(), signal);
  }

  listContainers(labels: readonly string[]): Promise<ContainerSummary[]> {
    const filters = { label: [...labels] };
    return this.#call(QUERY_TIMEOUT_MS, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
  }

  /** Containers, running or not, that were made of an image. */
  async listUsers(imageId: string): Promise<ContainerSummary[]> {
    const filters = { ancestor: [imageId] };
    const heirs = await this.#call(QUERY_TIMEOUT_MS, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
    // The engine also names those of images that were built on it.
    return heirs.filter(({ ImageID }) => ImageID === imageId);
  }

  /** With what each has written; the engine looks at every file of theirs for that. */
  measureContainers(labels: readonly string[]): Promise<ContainerSummary[]> {
    const filters = { label: [...labels] };
    return this.#call(CHANGE_TIMEOUT_MS, (abortSignal) =>
      this.#docker.listContainers({ all: true, size: true, filters, abortSignal }),
    );
  }

  inspectContainer(id: string): Promise<ContainerDetails> {
    return this.#call(QUERY_TIMEOUT_MS, (abortSignal) => this.#docker.getContainer(id).inspect({ abortSignal }));
  }

  createContainer({ name, ...body }: CreateOptions): Promise<string> {
    return this.#call(CHANGE_TIMEOUT_MS, async (abortSignal) => {
      // Told apart for dockerode, which would write all of it into the request's line too, with what is secret in it.
      const request = { _query: { name }, _body: body, abortSignal };
      const container = await this.#docker.createContainer(request);
      return container.id;
    });
  }

  startContainer(id: string): Promise<void> {
    return this.#call(CHANGE_TIMEOUT_MS, async (abortSignal) => {
      await ignoreStatus([304], this.#docker.getContainer(id).start({ abortSignal }));
    });
  }

  updateContainer(id: string, amounts: AmountsUpdate): Promise<void> {
    return this.#call(CHANGE_TIMEOUT_MS, async () => {
      await this.#docker.getContainer(id).update({ ...amounts });
    });
  }

  stopContainer(id: string, graceSeconds: number): Promise<void> {
    return this.#call(graceSeconds * 1000 + STOP_SLACK_MS, async (abortSignal) => {
      await ignoreStatus([304, 404], this.#docker.getContainer(id).stop({ t: graceSeconds, abortSignal }));
    });
  }

  /** Until it does not run any more. */
  waitContainer(id: string): Promise<void> {
    return this.#call(CHANGE_TIMEOUT_MS, async (abortSignal) => {
      await ignoreStatus([404], this.#docker.getContainer(id).wait({ abortSignal }));
    });
  }

  removeContainer(id: string): Promise<void> {
    return this.#call(CHANGE_TIMEOUT_MS, async (abortSignal) => {
      // 409: a removal is already in progress.
      await ignoreStatus([404, 409], this.#docker.getContainer(id).remove({ force: true, v: true, abortSignal }));
    });
  }

  /** By hand, because dockerode's `logs` without follow reads the whole log into memory. */
  logs(id: string, { signal, ...query }: DockerLogOptions): Promise<Readable> {
    const options = { ...query, stdout: true, stderr: true };
    const statusCodes = { 200: true, 404: 'no such container', 500: 'server error' };
    const path = `/containers/${encodeURIComponent(id)}/logs?`;
    return this.#stream(() => this.#dial({ path, options, statusCodes, abortSignal: signal }));
  }

  createExec(id: string, options: Docker.ExecCreateOptions): Promise<string> {
    return this.#call(QUERY_TIMEOUT_MS, async (abortSignal) => {
      const exec = await this.#docker.getContainer(id).exec({ ...options, abortSignal });
      return exec.id;
    });
  }

  startExec(id: string, tty: boolean): Promise<Duplex> {
    return this.#duplex(() => this.#docker.getExec(id).start({ hijack: true, stdin: true, Tty: tty }));
  }

  resizeExec(id: string, size: { w: number; h: number }): Promise<void> {
    return this.#call(QUERY_TIMEOUT_MS, async () => {
      await this.#docker.getExec(id).resize(size);
    });
  }

  /** undefined while the process runs. */
  execExitCode(id: string): Promise<number | undefined> {
    return this.#call(QUERY_TIMEOUT_MS, async (abortSignal) => {
      const { Running, ExitCode } = await this.#docker.getExec(id).inspect({ abortSignal });
      return Running ? undefined : (ExitCode ?? undefined);
    });
  }

  attach(id: string, stdin: boolean): Promise<Duplex> {
    const options = { stream: true, stdin, stdout: true, stderr: true, hijack: true };
    return this.#duplex(() => this.#docker.getContainer(id).attach(options));
  }

  resizeContainer(id: string, size: { w: number; h: number }): Promise<void> {
    return this.#call(QUERY_TIMEOUT_MS, async () => {
      await this.#docker.getContainer(id).resize(size);
    });
  }

  stats(id: string): Promise<Docker.ContainerStats> {
    const options = { stream: false, 'one-shot': true } as const;
    return this.#call(QUERY_TIMEOUT_MS, () => this.#docker.getContainer(id).stats(options));
  }

  events(filters: Record<string, string[]>, signal: AbortSignal): Promise<Readable> {
    return this.#stream(() => this.#docker.getEvents({ filters, abortSignal: signal }));
  }

  inspectImage(reference: string): Promise<ImageDetails> {
    return this.#call(QUERY_TIMEOUT_MS, () => this.#docker.getImage(reference).inspect());
  }

  inspectNetwork(name: string): Promise<Docker.NetworkInspectInfo> {
    return this.#call(QUERY_TIMEOUT_MS, () => this.#docker.getNetwork(name).inspect());
  }

  createNetwork(options: Docker.NetworkCreateOptions): Promise<void> {
    return this.#call(CHANGE_TIMEOUT_MS, async (abortSignal) => {
      await this.#docker.createNetwork({ ...options, abortSignal });
    });
  }

  removeNetwork(name: string): Promise<void> {
    return this.#call(CHANGE_TIMEOUT_MS, async (abortSignal) => {
      await ignoreStatus([404], this.#docker.getNetwork(name).remove({ abortSignal }));
    });
  }

  listImages(): Promise<ImageSummary[]> {
    return this.#call(QUERY_TIMEOUT_MS, (abortSignal) => this.#docker.listImages({ abortSignal }));
  }

  removeImage(id: string): Promise<void> {
    return this.#call(CHANGE_TIMEOUT_MS, async (abortSignal) => {
      await ignoreStatus([404], this.#docker.getImage(id).remove({ abortSignal }));
    });
  }

  /** Progress as one JSON object a line; a failure comes as a line too. */
  pull({ reference, auth, signal }: PullRequest): Promise<Readable> {
    const authconfig = auth && { username: auth.username, password: auth.password, serveraddress: auth.serverAddress };
    return this.#stream(() => this.#docker.pull(reference, { authconfig, abortSignal: signal }));
  }

  /** Answers when the engine has read the archive; a failure comes as a line. */
  load(archive: Readable, abortSignal: AbortSignal): Promise<Readable> {
    return this.#stream(() => this.#docker.loadImage(archive, { quiet: true, abortSignal }));
  }

  /** By hand, because dockerode's `get` cannot be aborted. */
  save(id: string, signal: AbortSignal): Promise<Readable> {
    const statusCodes = { 200: true, 404: 'no such image', 500: 'server error' };
    return this.#stream(() => this.#dial({ path: `/images/${id}/get`, statusCodes, abortSignal: signal }));
  }

  async #call<T>(timeoutMs: number, call: (signal: AbortSignal) => Promise<T>, outer?: AbortSignal): Promise<T> {
    const abort = new AbortController();
    const timer = this.#options.clock.after(timeoutMs, () => abort.abort());
    const signal = outer === undefined ? abort.signal : AbortSignal.any([abort.signal, outer]);
    try {
      // Not every call of dockerode hears the signal; the caller goes on in any case.
      return await Promise.race([call(signal), whenAborted(signal)]);
    } catch (error) {
      throw toRuntimeError(error, this.#options.socketPath);
    } finally {
      timer.cancel();
    }
  }

  /** A stream that dockerode has no method for. */
  #dial(request: Omit<DialOptions, 'method' | 'isStream'>): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#docker.modem.dial({ ...request, method: 'GET', isStream: true }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
    return promise;
  }

  async #stream(open: () => Promise<unknown>): Promise<Readable> {
    const stream = await this.#open(open);
    if (stream instanceof ReadableStream) return stream;
    throw new RuntimeError('failed', 'the Docker engine did not answer with a stream');
  }

  async #duplex(open: () => Promise<Duplex | NodeJS.ReadWriteStream>): Promise<Duplex> {
    const stream = await this.#open(open);
    if (isDuplex(stream)) return stream;
    throw new RuntimeError('failed', 'the Docker engine did not upgrade the connection');
  }

  async #open(open: () => Promise<unknown>): Promise<unknown> {
    try {
      return await open();
    } catch (error) {
      throw toRuntimeError(error, this.#options.socketPath);
    }
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function isDuplex(value: unknown): value is Duplex {
  return value instanceof ReadableStream && 'write' in value;
}

/** Statuses by which Docker says that there was nothing to do. */
async function ignoreStatus(statuses: readonly number[], call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || !statuses.includes(status)) throw error;
  }
}
