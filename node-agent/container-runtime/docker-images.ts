/** Images by Docker: look up, pull, list, remove, and the sandbox's own image. */
import type { DockerClient } from './docker-client.ts';
import { isRuntimeError } from './docker-errors.ts';
import { normalizeArchitecture, parseImage, parseImageSummary } from './docker-records.ts';
import { jsonLines } from './docker-streams.ts';
import { pauseArchitecture } from './pause-binary.ts';
import { PAUSE_IMAGE, renderPauseArchive } from './pause-image.ts';
import { type ImageRecord, type PullOptions, RuntimeError } from './runtime.ts';

export class DockerImages {
  readonly #docker: DockerClient;

  constructor(docker: DockerClient) {
    this.#docker = docker;
  }

  async status(reference: string): Promise<ImageRecord | undefined> {
    try {
      return parseImage(await this.#docker.inspectImage(reference));
    } catch (error) {
      if (isRuntimeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  async list(): Promise<ImageRecord[]> {
    const images = await this.#docker.listImages();
    return images.map(parseImageSummary);
  }

  remove(id: string): Promise<void> {
    return this.#docker.removeImage(id);
  }

  async pull(reference: string, options: PullOptions): Promise<ImageRecord> {
    try {
      const { auth, signal } = options;
      const progress = await this.#docker.pull({ reference: withTag(reference), auth, signal });
      for await (const line of jsonLines(progress)) options.onProgress(readProgress(line));
    } catch (error) {
      if (isRuntimeError(error, 'unavailable')) throw error;
      throw new RuntimeError('pull-failed', error instanceof Error ? error.message : String(error));
    }
    const image = await this.status(reference);
    if (image === undefined)
      throw new RuntimeError('pull-failed', `the engine pulled ${reference} but does not show it`);
    return image;
  }

  /** Loads the sandbox's image unless it is here. */
  async ensurePause(): Promise<void> {
    if ((await this.status(PAUSE_IMAGE)) !== undefined) return;
    const { Architecture } = await this.#docker.info();
    const architecture = pauseArchitecture(normalizeArchitecture(String(Architecture)));
    if (architecture === undefined) {
      throw new RuntimeError('invalid', `Bramble runs on amd64 and arm64 engines, this one is ${String(Architecture)}`);
    }
    const answer = await this.#docker.load(renderPauseArchive(architecture));
    for await (const line of jsonLines(answer)) readProgress(line);
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
