/**
 * Gathers what one run of a container needs beside its specification (files of the node, parts of volumes, what the engine
 * can do) and renders what the runtime is asked for.
 */
import { dirname, join } from 'node:path';
import type { Container } from '../../shared/api/container.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { defined } from '../../shared/platform/assert.ts';
import type { ContainerConfig, ContainerRuntime, Mount } from '../container-runtime/runtime.ts';
import type { ImageManager } from './images/image-manager.ts';
import { type PodPaths, seccompProfileFile, subPathMountPoint, terminationLogFile } from './paths.ts';
import { SANDBOX_ATTEMPT_ANNOTATION } from './pod/compute-pod-actions.ts';
import { CRASHES_ANNOTATION } from './pod/crash-backoff.ts';
import { latestRun } from './pod/observed-pod.ts';
import type { PodAction } from './pod/pod-actions.ts';
import { findContainer, targetOf } from './pod/pod-containers.ts';
import type { PodGate } from './pod/pod-gate.ts';
import type { PodTarget } from './pod-target.ts';
import { ConfigError, type ConfigReader } from './spec/config-reader.ts';
import { imageOf, renderContainerConfig, resolveContainerEnv } from './spec/container-config.ts';
import { subPathOf } from './spec/container-mounts.ts';
import { localhostSeccompOf } from './spec/container-security.ts';
import type { ServiceReader } from './spec/service-env.ts';
import { asksEngine, demandServedContainer } from './spec/unserved.ts';
import type { HostFiles } from './volumes/host-files.ts';
import type { PreparedVolume, PreparedVolumes } from './volumes/prepared-volume.ts';

export interface ContainerMakerOptions {
  runtime: ContainerRuntime;
  files: HostFiles;
  paths: PodPaths;
  images: ImageManager;
  reader: ConfigReader;
  services: ServiceReader;
  gate: PodGate;
  nodeMemoryBytes: () => number;
}

type Creation = Extract<PodAction, { type: 'create-container' }>;

/** What is rendered, for one run of one container. */
interface Subject {
  pod: Pod;
  container: Container;
  attempt: number;
  volumes: PreparedVolumes;
}

const TERMINATION_LOG_MODE = 0o666;

/** Bounds on what is read of files that others write. */
const MAX_SECCOMP_BYTES = 1024 * 1024;
const MAX_ENV_FILE_BYTES = 64 * 1024;

export class ContainerMaker {
  readonly #options: ContainerMakerOptions;

  constructor(options: ContainerMakerOptions) {
    this.#options = options;
  }

  /** Rejects with ConfigError when the specification cannot be followed now, with HostFilesError or RuntimeError. */
  async render(action: Creation, target: PodTarget): Promise<ContainerConfig> {
    const { reader, services, gate, nodeMemoryBytes } = this.#options;
    const { container: name, attempt, crashes } = action;
    const pod = defined(target.pod, 'the pod of a container that is made');
    const container = defined(findContainer(pod.spec, name)?.container, `container ${name}`);
    const subject: Subject = { pod, container, attempt, volumes: target.volumes };
    const engine = asksEngine(pod, container) ? await this.#options.runtime.info() : undefined;
    demandServedContainer(pod, container, engine);
    const grant = gate.grant(pod, name);
    const base = { pod, container, attempt, facts: target.facts, reader, grant, imageUser: '', annotations: {} };
    const readFile = await this.#envFiles(subject);
    const common = { ...base, terminationLog: undefined, nodeMemoryBytes: nodeMemoryBytes() };
    const env = resolveContainerEnv(common, services.services() ?? [], readFile);
    const sources = await this.#mountSources(subject, env);
    const config = renderContainerConfig({
      ...common,
      env,
      annotations: {
        [CRASHES_ANNOTATION]: String(crashes),
        [SANDBOX_ATTEMPT_ANNOTATION]: String(target.sandboxAttempt),
      },
      mountSource: (_mount, index) => defined(sources[index], `mount ${index} of container ${name}`),
      terminationLog: await this.#terminationLog(subject),
      imageUser: this.#imageUser(subject),
      resources: target.allocation.resourcesOf(container),
      pidTarget: pidTargetOf(subject, target),
      seccompProfile: await this.#seccompProfile(subject),
    });
    const devices = [...config.devices, ...blockDevices(subject)];
    return { ...config, devices, mounts: finishMounts(config.mounts, subject, engine?.recursiveReadOnly ?? false) };
  }

  async #terminationLog({ pod, container, attempt }: Subject): Promise<string> {
    const { files, paths } = this.#options;
    const file = terminationLogFile(paths, pod.metadata.uid, container.name, attempt);
    await files.touchFile(file, TERMINATION_LOG_MODE);
    return file;
  }

  #imageUser({ pod, container, attempt }: Subject): string {
    const use = { uid: pod.metadata.uid, container: container.name, attempt };
    const verdict = this.#options.images.verdict(use, imageOf(container));
    return verdict?.type === 'present' ? verdict.imageUser : '';
  }

  async #seccompProfile({ pod, container }: Subject): Promise<string | undefined> {
    const { files, paths } = this.#options;
    const name = localhostSeccompOf(container, pod.spec.securityContext);
    if (name === undefined) return undefined;
    const path = seccompProfileFile(paths, name);
    const bytes = await files.readInside(dirname(seccompProfileFile(paths, 'x')), name, MAX_SECCOMP_BYTES);
    if (bytes === undefined) throw new ConfigError(`cannot load seccomp profile "${path}": no such file`);
    return Buffer.from(bytes).toString('utf8');
  }

  /** Files of the pod's own volumes that its variables come from. */
  async #envFiles({ container, volumes }: Subject): Promise<(volume: string, path: string) => string | undefined> {
    const texts = new Map<string, string>();
    for (const { valueFrom } of container.env ?? []) {
      const file = valueFrom?.fileKeyRef;
      const volume = file && volumes.get(file.volumeName);
      if (file === undefined || volume === undefined) continue;
      const bytes = await this.#options.files.readInside(volume.path, file.path, MAX_ENV_FILE_BYTES);
      if (bytes !== undefined) texts.set(join(file.volumeName, file.path), Buffer.from(bytes).toString('utf8'));
    }
    return (volume, path) => texts.get(join(volume, path));
  }

  /** Host path of each mount, in order. */
  async #mountSources(subject: Subject, env: ReadonlyMap<string, string>): Promise<string[]> {
    const { pod, container } = subject;
    const sources: string[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      const volume = volumeOf(subject, mount.name);
      if (volume.isBlock) throw new ConfigError(`volume "${mount.name}" is a device: use volumeDevices`);
      const subPath = subPathOf(mount, env);
      if (subPath === '') {
        sources.push(volume.path);
        continue;
      }
      const place = { uid: pod.metadata.uid, volume: mount.name, container: container.name, index };
      const point = subPathMountPoint(this.#options.paths, place);
      await this.#options.files.bindInside(volume.path, subPath, point);
      sources.push(point);
    }
    return sources;
  }
}

function volumeOf({ volumes }: Subject, name: string): PreparedVolume {
  const volume = volumes.get(name);
  if (volume === undefined) throw new ConfigError(`volume "${name}" is not mounted`);
  return volume;
}

/** What a claim allows, and what the engine can do, narrows what a mount says. */
function finishMounts(mounts: readonly Mount[], { container, volumes }: Subject, canRecurse: boolean): Mount[] {
  return mounts.map((mount, index) => {
    const wanted = container.volumeMounts?.[index];
    if (wanted === undefined) return mount;
    const readOnly = mount.readOnly || (volumes.get(wanted.name)?.readOnly ?? false);
    const asks = wanted.recursiveReadOnly === 'Enabled' || wanted.recursiveReadOnly === 'IfPossible';
    return { ...mount, readOnly, recursiveReadOnly: readOnly && asks && canRecurse };
  });
}

function blockDevices(subject: Subject): ContainerConfig['devices'] {
  return (subject.container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumeOf(subject, name);
    if (!volume.isBlock) throw new ConfigError(`volume "${name}" is a file system: use volumeMounts`);
    return { hostPath: volume.path, containerPath: devicePath, permissions: volume.readOnly ? 'r' : 'rwm' };
  });
}

function pidTargetOf({ pod, container }: Subject, { observed }: PodTarget): string | undefined {
  const name = targetOf(pod, container.name);
  if (name === undefined) return undefined;
  const run = latestRun(observed, name);
  if (run?.state === 'running') return run.id;
  throw new ConfigError(`unable to find target container "${name}"`);
}
