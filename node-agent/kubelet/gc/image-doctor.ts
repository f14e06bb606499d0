/**
 * Looks at containers that cannot be made or started. After a power cut an image may have lost bytes that were told to be on the
 * card: then it is removed, so that it is pulled again, once a boot. In any case the user hears what is wrong with the image.
 */
import type { EventRecorder } from '../../../shared/client/event-recorder.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import {
  type ContainerConfig,
  type ContainerRuntime,
  type ImageRecord,
  RuntimeError,
  type RuntimeInfo,
} from '../../container-runtime/runtime.ts';
import { classifyStartTrouble, type StartTrouble } from '../../container-runtime/start-trouble.ts';

export interface ImageDoctorOptions {
  runtime: ContainerRuntime;
  recorder: EventRecorder;
  /** Whether the board lost its power before this boot. */
  wasUnclean(): boolean;
  /** The image was fetched, or a container was made of it. */
  onUse(reference: string): void;
  /** Removes all images that pods have used and that none has now. */
  removeUnused(): Promise<unknown>;
  logger: Logger;
}

type Patient = Pick<ContainerConfig, 'pod' | 'name' | 'image'>;

/** Removals of an image in a boot. The second one takes the unused images along: they may hold on to a damaged layer. */
const MAX_TREATMENTS = 2;

/** Looks at who uses an image that does not go. */
const MAX_ROUNDS = 3;

/** Made containers whose start is still to come. */
const MAX_MADE = 256;

export class ImageDoctor {
  readonly #options: ImageDoctorOptions;
  readonly #made = new Map<string, Patient>();
  /** How often images were removed for damage in this boot. */
  readonly #treated = new Map<string, number>();
  /** One at a time; no container is made meanwhile, as it would hold on to what is being removed. */
  #treatment: Promise<void> = Promise.resolve();

  constructor(options: ImageDoctorOptions) {
    this.#options = options;
  }

  /** The same runtime; its failures to make and to start containers are looked at before they are passed on. */
  attend(): ContainerRuntime {
    const { runtime } = this.#options;
    const own: Pick<ContainerRuntime, 'createContainer' | 'startContainer' | 'pullImage' | 'importImage'> = {
      pullImage: async (reference, options) => this.#note(reference, await runtime.pullImage(reference, options)),
      importImage: async (chunks, options) => this.#note(options.reference, await runtime.importImage(chunks, options)),
      createContainer: (sandboxId, config) => this.#create(sandboxId, config),
      startContainer: (id) => this.#start(id),
    };
    return new Proxy(runtime, {
      get(target, name) {
        const member: unknown = Reflect.get(name in own ? own : target, name);
        return typeof member === 'function' && !(name in own) ? member.bind(target) : member;
      },
    });
  }

  /** What is fetched and never used can be removed too. */
  #note(reference: string, image: ImageRecord): ImageRecord {
    this.#options.onUse(reference);
    return image;
  }

  /** A run that ended at once, and what it said. */
  async examineRun({ pod, name, image }: Patient, log: string): Promise<void> {
    await this.#examine({ pod, name, image }, new RuntimeError('start-failed', log));
  }

  async #create(sandboxId: string, config: ContainerConfig): Promise<string> {
    await this.#treatment;
    try {
      const id = await this.#options.runtime.createContainer(sandboxId, config);
      this.#options.onUse(config.image);
      if (this.#made.size >= MAX_MADE) this.#made.clear();
      this.#made.set(id, { pod: config.pod, name: config.name, image: config.image });
      return id;
    } catch (error) {
      await this.#examine(config, error);
      throw error;
    }
  }

  async #start(id: string): Promise<void> {
    const patient = this.#made.get(id);
    this.#made.delete(id);
    try {
      await this.#options.runtime.startContainer(id);
    } catch (error) {
      if (patient !== undefined) await this.#examine(patient, error);
      throw error;
    }
  }

  /** Never fails: the failure that is looked at is what counts. */
  async #examine(patient: Patient, failure: unknown): Promise<void> {
    const trouble = failure instanceof RuntimeError ? classifyStartTrouble(failure.message) : undefined;
    if (trouble === undefined) return;
    this.#treatment = this.#treatment
      .then(() => this.#treat(patient, trouble))
      .catch((error) => {
        this.#options.logger.warn('an image that does not start could not be looked at', {
          image: patient.image,
          error,
        });
      });
    await this.#treatment;
  }

  async #treat(patient: Patient, trouble: StartTrouble): Promise<void> {
    const { runtime, wasUnclean, removeUnused } = this.#options;
    const [image, info] = [await runtime.imageStatus(patient.image), await runtime.info()];
    if (image === undefined) return;
    const isForeign = image.architecture !== '' && image.architecture !== info.architecture;
    if (trouble === 'exec-format' && isForeign) {
      this.#tell(patient, 'WrongPlatform', renderWrongPlatform(patient.image, image, info));
      return;
    }
    const treatments = this.#treated.get(image.id) ?? 0;
    const isTreatable = wasUnclean() && treatments < MAX_TREATMENTS;
    if (isTreatable && treatments > 0) await removeUnused();
    if (isTreatable && (await this.#remove(image))) {
      this.#treated.set(image.id, treatments + 1);
      this.#tell(patient, 'ImageDamaged', renderDamaged(patient.image));
    } else if (trouble === 'exec-format') {
      this.#tell(patient, 'ExecFormatError', renderNoProgram(info));
    }
  }

  /** An image with running containers is not damaged, or not badly. Ended ones would hold the damaged files. */
  async #remove({ id }: ImageRecord): Promise<boolean> {
    const { runtime } = this.#options;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const users = (await runtime.list()).containers.filter(({ imageId }) => imageId === id);
      if (users.some(({ state }) => state === 'running')) return false;
      for (const user of users) await runtime.removeContainer(user.id);
      await runtime.removeImage(id);
      // A container that was just being made keeps the files of an image that has lost its names.
      if ((await runtime.imageStatus(id)) === undefined) return true;
    }
    return false;
  }

  #tell({ pod, name }: Patient, reason: string, message: string): void {
    const metadata = { name: pod.name, namespace: pod.namespace, uid: pod.uid };
    const subject = { apiVersion: 'v1', kind: 'Pod', metadata, fieldPath: `spec.containers{${name}}` };
    this.#options.recorder.event(subject, 'Warning', reason, message);
  }
}

function renderWrongPlatform(reference: string, image: ImageRecord, info: RuntimeInfo): string {
  const [theirs, ours] = [platformOf(image), platformOf(info)];
  return `exec format error: the image "${reference}" is for ${theirs}, this node is ${ours}; use an image that is built for ${ours}`;
}

function renderDamaged(reference: string): string {
  return `The image "${reference}" was damaged when the board lost its power; it is removed and pulled again`;
}

function renderNoProgram(info: RuntimeInfo): string {
  return `exec format error: what the container starts is no program for ${platformOf(info)}; a script needs a first line such as #!/bin/sh`;
}

function platformOf({ operatingSystem, architecture }: Pick<RuntimeInfo, 'operatingSystem' | 'architecture'>): string {
  return `${operatingSystem}/${architecture}`;
}
