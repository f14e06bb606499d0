/**
 * Makes a pod's volumes on the node, again and again: each call brings the files to what the API says now, which is also
 * how a changed ConfigMap reaches a running pod. Keeps no state but the files.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import type { EmptyDirVolumeSource } from '../../../shared/api/volume-storage.ts';
import { quantityToBytes } from '../../../shared/machinery/quantity.ts';
import { type PodPaths, podDirectory, volumeDirectory } from '../paths.ts';
import { ConfigError, type ConfigReader } from '../spec/config-reader.ts';
import type { PodFacts } from '../spec/downward.ts';
import { type HostFiles, HostFilesError } from './host-files.ts';
import { prepareHostPath } from './host-path.ts';
import { computeProjectedFiles } from './projected-files.ts';

export interface VolumeManagerOptions {
  files: HostFiles;
  paths: PodPaths;
  reader: ConfigReader;
}

/** Host paths by volume name, or why a volume cannot be had now. */
export type VolumesResult =
  | { ok: true; paths: ReadonlyMap<string, string> }
  | { ok: false; volume: string; message: string; isPending: boolean };

/** Only root may look into the pods' directory from outside; inside, the volumes are everybody's. */
const POD_DIRECTORY_MODE = 0o750;
const EMPTY_DIR_MODE = 0o777;

export class VolumeManager {
  readonly #options: VolumeManagerOptions;

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
  }

  async sync(pod: Pod, facts: PodFacts): Promise<VolumesResult> {
    const { files, paths } = this.#options;
    const found = new Map<string, string>();
    await files.makeDirectory(podDirectory(paths, pod.metadata.uid), POD_DIRECTORY_MODE);
    for (const volume of pod.spec.volumes ?? []) {
      try {
        found.set(volume.name, await this.#prepare(pod, volume, facts));
      } catch (error) {
        if (!(error instanceof ConfigError) && !(error instanceof HostFilesError)) throw error;
        const isPending = error instanceof ConfigError && error.isPending;
        return { ok: false, volume: volume.name, message: error.message, isPending };
      }
    }
    return { ok: true, paths: found };
  }

  async remove(uid: string): Promise<void> {
    await this.#options.files.removeTree(podDirectory(this.#options.paths, uid));
  }

  /** UIDs whose files are still here. */
  listPods(): Promise<string[]> {
    return this.#options.files.listDirectory(this.#options.paths.root);
  }

  async #prepare(pod: Pod, volume: Volume, facts: PodFacts): Promise<string> {
    const { files, reader } = this.#options;
    if (volume.hostPath) return prepareHostPath(files, volume.hostPath);
    if (volume.emptyDir) return this.#prepareEmptyDir(pod, volume.name, volume.emptyDir);
    const projected = computeProjectedFiles(volume, { pod, facts, reader });
    if (projected === undefined) throw new ConfigError('this kind of volume is not supported');
    const path = this.#pathOf(pod, volume, pluginOf(volume));
    await files.writeProjected(path, projected, pod.spec.securityContext?.fsGroup);
    return path;
  }

  async #prepareEmptyDir(pod: Pod, name: string, source: EmptyDirVolumeSource): Promise<string> {
    const { files } = this.#options;
    const path = this.#pathOf(pod, { name }, 'empty-dir');
    if ((await files.typeOf(path)) === undefined) await files.makeDirectory(path, EMPTY_DIR_MODE);
    if (source.medium === 'Memory') {
      await files.mountMemory(path, source.sizeLimit === undefined ? undefined : quantityToBytes(source.sizeLimit));
    }
    const group = pod.spec.securityContext?.fsGroup;
    if (group !== undefined) await files.setGroup(path, group);
    return path;
  }

  #pathOf(pod: Pod, volume: Pick<Volume, 'name'>, plugin: string): string {
    return volumeDirectory(this.#options.paths, pod.metadata.uid, plugin, volume.name);
  }
}

function pluginOf(volume: Volume): string {
  if (volume.configMap) return 'configmap';
  if (volume.secret) return 'secret';
  return volume.downwardAPI ? 'downward-api' : 'projected';
}
