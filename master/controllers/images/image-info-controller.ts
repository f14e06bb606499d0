/**
 * Finds out what an image is built for before its pods are placed, and writes it down as an ImageInfo for the scheduler.
 * Nothing is asked about images that every kind of node has already, and nothing waits: while a registry does not answer,
 * the image is unknown and may go anywhere.
 */
import { type ImageInfo, ImageInfoKind } from '../../../shared/api/image-info.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { imageInfoName } from '../../../shared/machinery/image-info-name.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import type { ImageFacts, ImageLookups } from './image-lookups.ts';
import type { NodeImages } from './node-images.ts';
import { collectCredentials, imagesOf, pullSecretsOf } from './pod-images.ts';

/** Pods that are not over, by the images that they name. */
export const BY_IMAGE = 'image';

/** How long the platforms of an image count; a name may get another meaning, its platforms seldom change with it. */
const INFO_TTL_MS = 10 * 60_000;

/** While pods wait and nothing is known. */
const RETRY_MS = 30_000;

const CONCURRENCY = 8;

export interface ImageInfoOptions {
  lookups: ImageLookups;
  nodeImages: NodeImages;
}

export class ImageInfoController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #options: ImageInfoOptions;
  readonly #infos: Informer<ImageInfo>;
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers, options: ImageInfoOptions) {
    this.#environment = environment;
    this.#informers = informers;
    this.#options = options;
    this.#infos = new Informer<ImageInfo>({ ...environment, kind: ImageInfoKind });
    informers.pods.addIndex(BY_IMAGE, (pod) => (isOver(pod) ? [] : imagesOf(pod)));
    this.#controller = new SyncedController({
      ...environment,
      name: 'image-info',
      concurrency: CONCURRENCY,
      informers: [informers.pods, informers.nodes, informers.secrets, this.#infos],
      reconcile: (image) => this.#reconcile(image),
    });
    informers.pods.onChange((_key, current, previous) => this.#onPod(current, previous));
    this.#infos.onChange((_key, current) => {
      if (current !== undefined) this.#controller.enqueue(current.spec.image);
    });
  }

  async start(): Promise<void> {
    await this.#infos.start();
    await this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#infos.stop();
  }

  /** Something new is known of it. */
  lookAgain(image: string): void {
    this.#controller.enqueue(image);
  }

  #onPod(current: Pod | undefined, previous: Pod | undefined): void {
    const isNews = !current || !previous || isOver(current) !== isOver(previous) || current.spec !== previous.spec;
    if (!isNews) return;
    for (const image of new Set([current, previous].flatMap((pod) => (pod === undefined ? [] : imagesOf(pod))))) {
      this.#controller.enqueue(image);
    }
  }

  async #reconcile(image: string): Promise<ReconcileResult> {
    const pods = this.#informers.pods.byIndex(BY_IMAGE, image);
    const written = this.#infos.get(imageInfoName(image));
    if (pods.length === 0) {
      if (written !== undefined) await this.#remove(written);
      return {};
    }
    const waiting = pods.filter(({ spec }) => !spec.nodeName);
    if (waiting.length === 0 || this.#isEverywhere(image)) return {};
    const secrets = waiting.flatMap(pullSecretsOf);
    const credentials = collectCredentials(image, secrets, (key) => this.#informers.secrets.get(key));
    const facts = await this.#options.lookups.look(image, credentials, INFO_TTL_MS);
    await this.#write(image, written, facts);
    return { requeueAfterMs: facts.type === 'known' ? INFO_TTL_MS : RETRY_MS };
  }

  /** Each kind of node that there is has it on one of its nodes: nothing can be learned. */
  #isEverywhere(image: string): boolean {
    const nodes = this.#informers.nodes.list().map((node) => this.#options.nodeImages.of(node));
    const kinds = Map.groupBy(nodes, ({ os, architecture }) => `${os}/${architecture}`);
    return kinds.size > 0 && [...kinds.values()].every((alike) => alike.some(({ images }) => images.has(image)));
  }

  async #write(image: string, written: ImageInfo | undefined, facts: ImageFacts): Promise<void> {
    const { client, clock } = this.#environment;
    const status = renderStatus(facts);
    const { checkedAt: _, ...present } = written?.status ?? {};
    if (written !== undefined && jsonEqual(present, status)) return;
    const body = { spec: { image }, status: { ...status, checkedAt: formatTime(clock.nowMs()) } };
    const name = imageInfoName(image);
    if (written === undefined) await client.create(ImageInfoKind, { metadata: { name }, ...body });
    else await client.update(ImageInfoKind, { ...written, ...body });
  }

  async #remove({ metadata }: ImageInfo): Promise<void> {
    await unlessNotFound(this.#environment.client.delete(ImageInfoKind, { name: metadata.name }));
  }
}

function renderStatus(facts: ImageFacts): Omit<ImageInfo['status'], 'checkedAt'> {
  if (facts.type === 'unknown') return { state: 'Unknown', reason: facts.reason, message: facts.message };
  const { digest, variants } = facts.description;
  const platforms = variants.map(({ os, architecture, variant }) => ({
    os,
    architecture,
    ...(variant ? { variant } : {}),
  }));
  const [only] = variants;
  const size = variants.length === 1 ? only?.sizeBytes : undefined;
  return { state: 'Known', digest, platforms, ...(size === undefined ? {} : { sizeBytes: size }) };
}

function isOver({ metadata, status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed' || metadata.deletionTimestamp !== undefined;
}
