/** Images by Docker: look up, pull, list, remove, hand over to other nodes, and the sandbox's own image. */
import type { Readable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import type { DockerClient } from './docker-client.ts';
import { isRuntimeError } from './docker-errors.ts';
import { aliasOf, digestNameOf, formatAlias } from './docker-image-names.ts';
import { normalizeArchitecture, parseImage, parseImageSummary } from './docker-records.ts';
import { jsonLines } from './docker-streams.ts';
import { type CheckedImage, checkArchive, reduceArchive } from './image-archive.ts';
import { pauseArchitecture } from './pause-binary.ts';
import { PAUSE_IMAGE, renderPauseArchive } from './pause-image.ts';
import type { ImageProgram } from './program.ts';
import { PullProgress } from './pull-progress.ts';
import { type ImageExport, type ImageRecord, type ImportOptions, type PullOptions, RuntimeError } from './runtime.ts';

export class DockerImages {
  readonly #docker: DockerClient;

  constructor(docker: DockerClient) {
    this.#docker = docker;
  }

  async status(reference: string): Promise<ImageRecord | undefined> {
    const name = await this.engineName(reference);
    try {
      return name === undefined ? undefined : parseImage(await this.#docker.inspectImage(name));
    } catch (error) {
      if (isRuntimeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  /** What the image runs unless told otherwise. Rejects `not-found`. */
  async programOf(name: string): Promise<ImageProgram> {
    const { Config } = await this.#docker.inspectImage(name);
    return { entrypoint: asWords(Config?.Entrypoint), command: asWords(Config?.Cmd), env: Config?.Env ?? [] };
  }

  /** The name by which the engine knows the image; undefined: it is not here. Only names with digests are looked up. */
  async engineName(reference: string): Promise<string | undefined> {
    const digest = reference.split('@')[1];
    if (digest === undefined) return reference;
    const alias = aliasOf(reference, digest);
    for (const name of [reference, ...(alias === undefined ? [] : [formatAlias(alias)])]) {
      if (await this.#has(name)) return name;
    }
    return undefined;
  }

  async list(): Promise<ImageRecord[]> {
    const images = await this.#docker.listImages();
    return images.map(parseImageSummary);
  }

  /** Takes all its names, the last of which takes the image. Rejects `conflict` while a container uses it; a missing one is fine. */
  async remove(id: string): Promise<void> {
    try {
      const { Id, RepoTags, RepoDigests } = await this.#docker.inspectImage(id);
      // The engine takes a name of an image that is in use as long as it has another one.
      if ((await this.#docker.listUsers(Id)).length > 0) throw new RuntimeError('conflict', `${id} is in use`);
      // Digests go with the last tag of their repository; stand-ins first, so that a refusal leaves the real names.
      const tags = RepoTags ?? [];
      const standIns = tags.filter((tag) => digestNameOf(tag) !== undefined);
      const names = [...new Set([...standIns, ...tags, ...(RepoDigests ?? [])])];
      for (const name of names.length < 2 ? [id] : names) await this.#docker.removeImage(name);
    } catch (error) {
      if (!isRuntimeError(error, 'not-found')) throw error;
    }
  }

  async pull(reference: string, options: PullOptions): Promise<ImageRecord> {
    try {
      const { auth, signal } = options;
      const progress = new PullProgress();
      const answer = await this.#docker.pull({ reference: withTag(reference), auth, signal });
      for await (const line of jsonLines(answer)) {
        options.onProgress(readProgress(line));
        if (progress.take(line)) options.onTransfer?.(progress.doneBytes, progress.totalBytes);
      }
    } catch (error) {
      if (isRuntimeError(error, 'unavailable')) throw error;
      throw new RuntimeError('pull-failed', error instanceof Error ? error.message : String(error));
    }
    const image = await this.status(reference);
    if (image === undefined)
      throw new RuntimeError('pull-failed', `the engine pulled ${reference} but does not show it`);
    return image;
  }

  /** Rejects `not-found`. The bytes are the same for the same image and version. */
  async export(id: string, signal: AbortSignal): Promise<ImageExport> {
    const { Id, Size } = await this.#docker.inspectImage(id);
    const { ServerVersion, Driver } = await this.#docker.info(signal);
    const archive = await this.#docker.save(Id, signal);
    return { version: `${Id} ${ServerVersion} ${Driver}`, sizeBytes: Size, chunks: reduceArchive(closing(archive)) };
  }

  /** Nothing is left in the engine when it fails. Rejects with RuntimeError, or with what `archive` throws. */
  async import(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImageRecord> {
    const { reference, digest, imageId, maxBytes, signal } = options;
    const alias = digest === undefined ? undefined : aliasOf(reference, digest);
    const tags = [...(reference.includes('@') ? [] : [withTag(reference)]), ...(alias ? [formatAlias(alias)] : [])];
    const checked: { image?: CheckedImage } = {};
    const onChecked = (image: CheckedImage): void => {
      checked.image = image;
    };
    await this.#load(ReadableStream.from(checkArchive(archive, { imageId, tags, maxBytes, onChecked })), signal);
    const loaded = await this.status(reference);
    const { RootFS } = await this.#docker.inspectImage(loaded?.id ?? reference);
    const layers = checked.image?.layers ?? [];
    if (loaded === undefined || (RootFS.Layers ?? []).join() !== layers.join()) {
      throw new RuntimeError('pull-failed', `the engine loaded ${reference} but shows another image`);
    }
    return loaded;
  }

  /** Loads the sandbox's image unless it is here. */
  async ensurePause(): Promise<void> {
    if ((await this.status(PAUSE_IMAGE)) !== undefined) return;
    const { Architecture } = await this.#docker.info();
    const architecture = pauseArchitecture(normalizeArchitecture(String(Architecture)));
    if (architecture === undefined) {
      throw new RuntimeError('invalid', `Bramble runs on amd64 and arm64 engines, this one is ${String(Architecture)}`);
    }
    await this.#load(ReadableStream.from([renderPauseArchive(architecture)]), new AbortController().signal);
  }

  /** What the source throws is thrown on: the engine only sees that the archive breaks off. */
  async #load(archive: Readable, signal: AbortSignal): Promise<void> {
    const source: { error?: unknown } = {};
    archive.on('error', (error) => {
      source.error ??= error;
    });
    try {
      const answer = await this.#docker.load(archive, signal);
      for await (const line of jsonLines(answer)) readProgress(line);
    } catch (error) {
      throw source.error ?? error;
    } finally {
      archive.destroy();
    }
  }

  async #has(name: string): Promise<boolean> {
    try {
      await this.#docker.inspectImage(name);
      return true;
    } catch (error) {
      if (isRuntimeError(error, 'not-found')) return false;
      throw error;
    }
  }
}

/** Very old images have one word where new ones have a list. */
function asWords(value: string | string[] | undefined): string[] {
  return typeof value === 'string' ? [value] : (value ?? []);
}

/** A consumer that stops reading ends the engine's work too. */
async function* closing(stream: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } finally {
    stream.destroy();
  }
}

/** Docker takes a name without a tag for all tags of the repository. */
function withTag(reference: string): string {
  const lastPart = reference.slice(reference.lastIndexOf('/') + 1);
  return lastPart.includes(':') || lastPart.includes('@') ? reference : `${reference}:latest`;
}

/** One line of progress as text; throws where the line is the engine's error. */
function readProgress(line: unknown): string {
  if (typeof line !== 'object' || line === null) return '';
  if ('error' in line) throw new RuntimeError('pull-failed', String(line.error));
  const id = 'id' in line ? `${String(line.id)}: ` : '';
  return 'status' in line ? `${id}${String(line.status)}` : '';
}
