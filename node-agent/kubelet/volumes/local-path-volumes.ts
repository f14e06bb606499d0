/**
 * Volumes of the provisioner `bramble.dev/local-path`: directories below the agent's data directory. The agent tells the
 * master where they lie, makes one when it is first mounted, and removes those that are marked for this node; then it takes
 * its finalizer away, so that the volume can go. docs/storage.md tells the whole protocol.
 * Invariant: nothing is ever removed but a directory of a volume's own name directly below the volumes' directory.
 */
import { join } from 'node:path';
import { NodeRef, PersistentVolumeRef } from '../../../shared/api/kind-refs.ts';
import {
  LOCAL_PATH_FINALIZER,
  REMOVE_VOLUME_LABEL,
  VOLUMES_DIRECTORY_ANNOTATION,
} from '../../../shared/api/local-path-names.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { Client } from '../../../shared/client/client.ts';
import { Controller } from '../../../shared/client/controller.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { PodPaths } from '../paths.ts';
import type { HostFiles } from './host-files.ts';
import { isLocalPathVolume, volumesDirectory } from './local-path.ts';

export interface LocalPathVolumesOptions {
  node: string;
  client: Client;
  files: HostFiles;
  paths: PodPaths;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** The one key of the announcement; volumes have their names. */
const NODE_KEY = '';

export class LocalPathVolumes implements Component {
  readonly #options: LocalPathVolumesOptions;
  readonly #directory: string;
  readonly #marked: Informer<PersistentVolume>;
  readonly #controller: Controller;
  #announced: string | undefined;

  constructor(options: LocalPathVolumesOptions) {
    this.#options = options;
    this.#directory = volumesDirectory(options.paths);
    const { node, client, clock, random, logger } = options;
    const base = { clock, random, logger };
    const scope = { labelSelector: `${REMOVE_VOLUME_LABEL}=${node}` };
    this.#marked = new Informer<PersistentVolume>({ ...base, client, kind: PersistentVolumeRef, scope });
    const reconcile = (key: string): Promise<void> => (key === NODE_KEY ? this.#announce() : this.#remove(key));
    this.#controller = new Controller({ ...base, name: 'local-path-volumes', reconcile });
    this.#marked.onChange((name, current) => {
      if (current !== undefined) this.#controller.enqueue(name);
    });
  }

  /** The Node's annotations, each time that they are read. */
  setAnnotations(annotations: Readonly<Record<string, string>>): void {
    this.#announced = annotations[VOLUMES_DIRECTORY_ANNOTATION];
    if (this.#announced !== this.#directory) this.#controller.enqueue(NODE_KEY);
  }

  start(): Promise<void> {
    return startAll([this.#controller, this.#marked]);
  }

  stop(): Promise<void> {
    return stopAll([this.#controller, this.#marked]);
  }

  /** The master can be reached again. */
  retryNow(): void {
    this.#marked.retryNow();
  }

  async #announce(): Promise<void> {
    if (this.#announced === this.#directory) return;
    const body = { metadata: { annotations: { [VOLUMES_DIRECTORY_ANNOTATION]: this.#directory } } };
    await this.#options.client.patch(NodeRef, { name: this.#options.node }, { type: 'merge', body });
  }

  async #remove(name: string): Promise<void> {
    const { files, client, logger } = this.#options;
    const volume = this.#marked.get(name);
    const finalizers = volume?.metadata.finalizers ?? [];
    if (volume?.metadata.deletionTimestamp === undefined || !finalizers.includes(LOCAL_PATH_FINALIZER)) return;
    const path = join(this.#directory, name);
    if (isLocalPathVolume(volume) && volume.spec.local?.path === path) await files.removeTree(path);
    else logger.warn('a volume lies elsewhere and is left there', { volume: name, path: volume.spec.local?.path });
    const kept = finalizers.filter((finalizer) => finalizer !== LOCAL_PATH_FINALIZER);
    try {
      await client.update(PersistentVolumeRef, { ...volume, metadata: { ...volume.metadata, finalizers: kept } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }
}
