/**
 * Makes a pod's volumes on the node, again and again: each call brings the files to what the API says now, which is also
 * how a changed ConfigMap or a new token reaches a running pod. Keeps no state but the files.
 */
import { join } from 'node:path';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import type { ServiceAccountTokenProjection } from '../../../shared/api/volume-files.ts';
import type { EmptyDirVolumeSource } from '../../../shared/api/volume-storage.ts';
import { quantityToBytes } from '../../../shared/machinery/quantity.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { type PodPaths, podDirectory, podMemoryDirectory, volumeDirectory } from '../paths.ts';
import { ConfigError, type ConfigReader } from '../spec/config-reader.ts';
import type { PodFacts } from '../spec/downward.ts';
import type { TokenReader } from '../tokens/pod-tokens.ts';
import { type ClaimReader, claimNameOf, resolveClaim } from './claims.ts';
import { type HostFiles, HostFilesError } from './host-files.ts';
import { prepareHostPath } from './host-path.ts';
import { makeLocalPath } from './local-path.ts';
import type { PreparedVolume, VolumesResult } from './prepared-volume.ts';
import { computeProjectedFiles } from './projected-files.ts';

export interface VolumeManagerOptions {
  files: HostFiles;
  paths: PodPaths;
  reader: ConfigReader;
  claims: ClaimReader;
  tokens: TokenReader;
  /** false: the node lives from what it remembers; whatever is asked of the API may take until the master is back. */
  isApiHeard(): boolean;
  logger: Logger;
}

export interface VolumeSubject {
  pod: Pod;
  facts: PodFacts;
  /** Containers of the pod have run: it was given what it needs before. */
  hasRun: boolean;
}

/** What is found out on the way from volume to volume. */
interface Round extends VolumeSubject {
  lookAgainMs: number | undefined;
}

/** Only root may look into the pods' directory from outside; inside, the volumes are everybody's. */
const POD_DIRECTORY_MODE = 0o750;
const EMPTY_DIR_MODE = 0o777;

const MAX_TOKEN_BYTES = 16 * 1024;

export class VolumeManager {
  readonly #options: VolumeManagerOptions;
  /** Whether there is memory for secrets; asked for when the first pod has one. */
  #memory: Promise<boolean> | undefined;

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
  }

  async sync(subject: VolumeSubject): Promise<VolumesResult> {
    const { files, paths } = this.#options;
    const { pod } = subject;
    const volumes = new Map<string, PreparedVolume>();
    const round: Round = { ...subject, lookAgainMs: undefined };
    await files.makeDirectory(podDirectory(paths, pod.metadata.uid), POD_DIRECTORY_MODE);
    for (const volume of pod.spec.volumes ?? []) {
      try {
        volumes.set(volume.name, await this.#prepare(volume, round));
      } catch (error) {
        if (!(error instanceof ConfigError) && !(error instanceof HostFilesError)) throw error;
        const isPending = error instanceof ConfigError && error.isPending;
        return { ok: false, volume: volume.name, message: error.message, isPending };
      }
    }
    return { ok: true, volumes, lookAgainMs: round.lookAgainMs };
  }

  async remove(uid: string): Promise<void> {
    const { files, paths } = this.#options;
    await files.removeTree(podDirectory(paths, uid));
    if (paths.memory !== undefined) await files.removeTree(podMemoryDirectory(paths, uid));
  }

  /** UIDs whose files are still here. */
  async listPods(): Promise<string[]> {
    const { files, paths } = this.#options;
    const roots = [paths.root, ...(paths.memory === undefined ? [] : [paths.memory])];
    const lists = await Promise.all(roots.map((root) => files.listDirectory(root)));
    return [...new Set(lists.flat())];
  }

  async #prepare(volume: Volume, round: Round): Promise<PreparedVolume> {
    const { files } = this.#options;
    if (volume.hostPath) return mountable(await prepareHostPath(files, volume.hostPath));
    if (volume.emptyDir) return mountable(await this.#prepareEmptyDir(volume.name, volume.emptyDir, round));
    if (claimNameOf(round.pod, volume) !== undefined) return this.#prepareClaim(volume, round);
    return mountable(await this.#prepareProjected(volume, round));
  }

  async #prepareProjected(volume: Volume, round: Round): Promise<string> {
    const { files, reader } = this.#options;
    const { pod, facts } = round;
    const path = await this.#pathOf(pod, volume);
    const tokens = await this.#tokensOf(volume, path, round);
    const token = (projection: ServiceAccountTokenProjection) => tokens.get(projection);
    const projected = computeProjectedFiles(volume, { pod, facts, reader, token });
    if (projected === undefined) throw new ConfigError(`${sourceOf(volume)} volumes are not served by this node`);
    await files.writeProjected(path, projected, pod.spec.securityContext?.fsGroup);
    return path;
  }

  /** A pod that has run before starts without a token while the master is away: nobody would answer to it anyway. */
  async #tokensOf(
    volume: Volume,
    path: string,
    round: Round,
  ): Promise<ReadonlyMap<ServiceAccountTokenProjection, string>> {
    const { files, tokens } = this.#options;
    const found = new Map<ServiceAccountTokenProjection, string>();
    for (const { serviceAccountToken: projection } of volume.projected?.sources ?? []) {
      if (projection === undefined) continue;
      const present = async (): Promise<string | undefined> => {
        const bytes = await files.readTail(join(path, projection.path), MAX_TOKEN_BYTES);
        return bytes && Buffer.from(bytes).toString('utf8');
      };
      const state = await tokens.token(round.pod, projection, present);
      if (state.state === 'present') found.set(projection, state.token);
      const isAlone = round.hasRun && !this.#options.isApiHeard();
      if (state.state === 'pending' && !isAlone) throw new ConfigError('waiting for a token', true);
      if (state.state === 'failed' && !(round.hasRun && state.isUnreachable)) throw new ConfigError(state.message);
      const lookAgainMs =
        state.state === 'present' ? state.renewInMs : state.state === 'failed' ? state.retryInMs : undefined;
      round.lookAgainMs = earliest(round.lookAgainMs, lookAgainMs);
    }
    return found;
  }

  async #prepareEmptyDir(name: string, source: EmptyDirVolumeSource, { pod, hasRun }: Round): Promise<string> {
    const { files, paths } = this.#options;
    const { medium = '', sizeLimit } = source;
    if (medium !== '' && medium !== 'Memory')
      throw new ConfigError(`emptyDir medium ${medium} is not served by this node`);
    const path = volumeDirectory(podDirectory(paths, pod.metadata.uid), 'empty-dir', name);
    if ((await files.typeOf(path)) === undefined) await files.makeDirectory(path, EMPTY_DIR_MODE);
    if (medium === 'Memory') {
      const sizeBytes = sizeLimit === undefined ? undefined : quantityToBytes(sizeLimit);
      await files.mountMemory(path, { mode: EMPTY_DIR_MODE, sizeBytes });
    }
    const groupId = pod.spec.securityContext?.fsGroup;
    // Later the containers decide.
    if (groupId !== undefined && !hasRun) await files.setGroup(path, { groupId, policy: 'OnRootMismatch' });
    return path;
  }

  async #prepareClaim(volume: Volume, { pod, hasRun }: Round): Promise<PreparedVolume> {
    const { files, claims } = this.#options;
    const { hostPath, readOnly, isBlock, isMadeHere, isGroupable } = resolveClaim(claims, pod, volume);
    if (isMadeHere) await makeLocalPath(files, hostPath.path);
    const path = await prepareHostPath(files, hostPath);
    const type = await files.typeOf(path);
    if (type === undefined) throw new ConfigError(`path "${path}" does not exist`);
    if (isBlock && type !== 'block-device') throw new ConfigError(`${path} is not a block device`);
    const { fsGroup: groupId, fsGroupChangePolicy: policy = 'Always' } = pod.spec.securityContext ?? {};
    if (groupId !== undefined && isGroupable && !isBlock && !readOnly && !hasRun) {
      await files.setGroup(path, { groupId, policy });
    }
    return { path, readOnly, isBlock };
  }

  /** What is secret, or changes by itself, is not written to the card. */
  async #pathOf(pod: Pod, volume: Volume): Promise<string> {
    const { paths } = this.#options;
    const { uid } = pod.metadata;
    const isOwn = volume.secret !== undefined || isSecret(volume.projected?.sources ?? []);
    const directory = isOwn ? await this.#memoryOf(uid) : podDirectory(paths, uid);
    return volumeDirectory(directory, pluginOf(volume), volume.name);
  }

  async #memoryOf(uid: string): Promise<string> {
    const { files, paths } = this.#options;
    this.#memory ??= this.#mountMemory();
    if (!(await this.#memory)) return podDirectory(paths, uid);
    const directory = podMemoryDirectory(paths, uid);
    await files.makeDirectory(directory, POD_DIRECTORY_MODE);
    return directory;
  }

  /** Once for all pods. An agent without the right to mount keeps its secrets where its pods are. */
  async #mountMemory(): Promise<boolean> {
    const { files, paths, logger } = this.#options;
    if (paths.memory === undefined) return false;
    try {
      await files.makeDirectory(paths.memory, POD_DIRECTORY_MODE);
      await files.mountMemory(paths.memory, { mode: POD_DIRECTORY_MODE, sizeBytes: undefined });
      return true;
    } catch (error) {
      logger.warn('secrets of pods are kept on the disk, because memory could not be mounted', { error });
      return false;
    }
  }
}

function isSecret(sources: readonly { serviceAccountToken?: object; secret?: object }[]): boolean {
  return sources.some(({ serviceAccountToken, secret }) => serviceAccountToken !== undefined || secret !== undefined);
}

function mountable(path: string): PreparedVolume {
  return { path, readOnly: false, isBlock: false };
}

function pluginOf(volume: Volume): string {
  if (volume.configMap) return 'configmap';
  if (volume.secret) return 'secret';
  return volume.downwardAPI ? 'downward-api' : 'projected';
}

/** `nfs`, `csi`, … */
function sourceOf(volume: Volume): string {
  return Object.keys(volume).find((key) => key !== 'name') ?? 'nameless';
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
