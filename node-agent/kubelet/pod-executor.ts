/** Carries out the steps of a plan: one function an action, and a new kind of action does not compile without one. */

import type { Container } from '../../shared/api/container.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { defined } from '../../shared/platform/assert.ts';
import { type ContainerRuntime, RuntimeError } from '../container-runtime/runtime.ts';
import type { ContainerStops } from './container-stops.ts';
import type { DeletionWriter } from './deletion-writer.ts';
import type { ImageManager } from './images/image-manager.ts';
import { type PodPaths, terminationLogFile } from './paths.ts';
import { SANDBOX_ATTEMPT_ANNOTATION } from './pod/compute-pod-actions.ts';
import { CRASHES_ANNOTATION } from './pod/crash-backoff.ts';
import type { PodAction } from './pod/pod-actions.ts';
import type { PodGate } from './pod/pod-gate.ts';
import type { PodEvents } from './pod-events.ts';
import { ConfigError, type ConfigReader } from './spec/config-reader.ts';
import { imageOf, renderContainerConfig } from './spec/container-config.ts';
import type { PodFacts } from './spec/downward.ts';
import { renderSandboxConfig } from './spec/sandbox-config.ts';
import type { StartProblems } from './start-problems.ts';
import type { HostFiles } from './volumes/host-files.ts';
import type { VolumeManager } from './volumes/volume-manager.ts';

export interface PodExecutorOptions {
  runtime: ContainerRuntime;
  deletions: DeletionWriter;
  files: HostFiles;
  paths: PodPaths;
  volumes: VolumeManager;
  images: ImageManager;
  stops: ContainerStops;
  problems: StartProblems;
  reader: ConfigReader;
  events: PodEvents;
  gate: PodGate;
  nodeMemoryBytes: () => number;
  /** Look at the pod again. */
  enqueue(uid: string): void;
}

/** What a plan is carried out for. */
export interface PodTarget {
  uid: string;
  /** undefined: the API server does not know the pod any more; then only removals are planned. */
  pod: Pod | undefined;
  facts: PodFacts;
  volumePaths: ReadonlyMap<string, string>;
  sandboxAttempt: number;
}

type ActionOf<Type extends PodAction['type']> = Extract<PodAction, { type: Type }>;

type Executors = {
  [Type in PodAction['type']]: (action: ActionOf<Type>, target: PodTarget) => Promise<void>;
};

const TERMINATION_LOG_MODE = 0o666;

export class PodExecutor {
  readonly #options: PodExecutorOptions;
  readonly #executors: Executors;

  constructor(options: PodExecutorOptions) {
    this.#options = options;
    const { runtime, volumes, deletions } = options;
    this.#executors = {
      'run-sandbox': (action, target) => this.#runSandbox(action, target),
      'remove-sandbox': ({ id }) => runtime.removeSandbox(id),
      'ensure-image': (action, target) => this.#ensureImage(action, target),
      'create-container': (action, target) => this.#createContainer(action, target),
      'start-container': (action, target) => this.#startContainer(action, target),
      'stop-container': (action, target) => this.#stopContainer(action, target),
      'remove-container': ({ id }) => runtime.removeContainer(id),
      'remove-files': (_action, { uid }) => volumes.remove(uid),
      'finish-deletion': async (_action, target) => deletions.finish(podOf(target)),
    };
  }

  /** Rejects with RuntimeError or StatusError when the step could not be taken; the next plan makes up for it. */
  execute<Type extends PodAction['type']>(action: ActionOf<Type> & { type: Type }, target: PodTarget): Promise<void> {
    const executor: (action: ActionOf<Type>, target: PodTarget) => Promise<void> = this.#executors[action.type];
    return executor(action, target);
  }

  async #runSandbox({ attempt }: ActionOf<'run-sandbox'>, target: PodTarget): Promise<void> {
    const { runtime, events } = this.#options;
    const pod = podOf(target);
    if (attempt > 0)
      events.pod(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    try {
      await runtime.runSandbox(renderSandboxConfig(pod, attempt, {}));
    } catch (error) {
      if (isEngineProblem(error)) {
        events.pod(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${error.message}`);
      }
      throw error;
    }
  }

  async #ensureImage({ container: name, attempt }: ActionOf<'ensure-image'>, target: PodTarget): Promise<void> {
    const { images, events, enqueue } = this.#options;
    const pod = podOf(target);
    const container = containerOf(pod, name);
    await images.ensure({
      uid: target.uid,
      container: name,
      attempt,
      reference: imageOf(container),
      policy: container.imagePullPolicy ?? 'IfNotPresent',
      report: (type, reason, message) => events.container(pod, name, { type, reason, message }),
      onVerdict: () => enqueue(target.uid),
    });
  }

  async #createContainer(action: ActionOf<'create-container'>, target: PodTarget): Promise<void> {
    const { runtime, problems, images, events } = this.#options;
    const { uid } = target;
    const pod = podOf(target);
    const { container: name, attempt } = action;
    const use = { uid, container: name, attempt };
    try {
      const id = await runtime.createContainer(action.sandboxId, await this.#render(action, target));
      problems.clear(uid, name);
      events.container(pod, name, { type: 'Normal', reason: 'Created', message: `Created container: ${name}` });
      await this.#start(pod, name, id);
      images.release(use);
    } catch (error) {
      if (error instanceof ConfigError) this.#noteProblem(target, name, 'CreateContainerConfigError', error.message);
      else if (!isEngineProblem(error)) throw error;
      else if (error.reason === 'image-not-found') images.invalidate(use);
      else this.#noteProblem(target, name, 'CreateContainerError', error.message);
    }
  }

  async #render(action: ActionOf<'create-container'>, target: PodTarget) {
    const { files, paths, images, reader, gate, nodeMemoryBytes } = this.#options;
    const pod = podOf(target);
    const { container: name, attempt, crashes } = action;
    const terminationLog = terminationLogFile(paths, target.uid, name, attempt);
    await files.touchFile(terminationLog, TERMINATION_LOG_MODE);
    const container = containerOf(pod, name);
    const verdict = images.verdict({ uid: target.uid, container: name, attempt }, imageOf(container));
    return renderContainerConfig({
      pod,
      container,
      attempt,
      annotations: {
        [CRASHES_ANNOTATION]: String(crashes),
        [SANDBOX_ATTEMPT_ANNOTATION]: String(target.sandboxAttempt),
      },
      facts: target.facts,
      reader,
      volumePaths: target.volumePaths,
      terminationLog,
      imageUser: verdict?.type === 'present' ? verdict.imageUser : '',
      nodeMemoryBytes: nodeMemoryBytes(),
      grant: gate.grant(pod, name),
    });
  }

  async #startContainer({ container, id }: ActionOf<'start-container'>, target: PodTarget): Promise<void> {
    await this.#start(podOf(target), container, id);
  }

  /** A program that cannot be started is an ended run like others: its container shows it. */
  async #start(pod: Pod, name: string, id: string): Promise<void> {
    const { runtime, events } = this.#options;
    try {
      await runtime.startContainer(id);
      events.container(pod, name, { type: 'Normal', reason: 'Started', message: `Started container ${name}` });
    } catch (error) {
      if (!isEngineProblem(error) || error.reason !== 'start-failed') throw error;
      events.container(pod, name, { type: 'Warning', reason: 'Failed', message: `Error: ${error.message}` });
    }
  }

  async #stopContainer(action: ActionOf<'stop-container'>, { uid, pod }: PodTarget): Promise<void> {
    const { container, id, graceSeconds, message } = action;
    if (pod) this.#options.events.container(pod, container, { type: 'Normal', reason: 'Killing', message });
    this.#options.stops.begin(uid, id, graceSeconds);
  }

  #noteProblem(target: PodTarget, name: string, reason: string, message: string): void {
    const { problems, events } = this.#options;
    problems.set(target.uid, name, { reason, message });
    events.container(podOf(target), name, { type: 'Warning', reason: 'Failed', message: `Error: ${message}` });
  }
}

function podOf({ pod }: PodTarget): Pod {
  return defined(pod, 'the pod of a step that starts something');
}

function containerOf({ spec }: Pod, name: string): Container {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  return defined(
    all.find((container) => container.name === name),
    `container ${name}`,
  );
}

/** The engine answered that it cannot; an engine that does not answer is nobody's fault here. */
function isEngineProblem(error: unknown): error is RuntimeError {
  return error instanceof RuntimeError && error.reason !== 'unavailable';
}
