/**
 * One converging look at one pod, by UID: see what is there, compute what is missing, do it, look again, and tell the API.
 * Everything it needs to know after a restart of the agent comes from the API, the runtime's labels and the files.
 */
import type { Pod } from '../../shared/api/pod.ts';
import type { ReconcileResult } from '../../shared/client/controller.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { ContainerStops } from './container-stops.ts';
import type { DeletionWriter } from './deletion-writer.ts';
import type { ContainerHooks } from './hooks/container-hooks.ts';
import type { ImageManager } from './images/image-manager.ts';
import { computePodActions, computeVanishedActions } from './pod/compute-pod-actions.ts';
import { type ObservedPod, readySandbox } from './pod/observed-pod.ts';
import type { PodAction, PodPlan } from './pod/pod-actions.ts';
import { containersOf } from './pod/pod-containers.ts';
import type { PodGate } from './pod/pod-gate.ts';
import { isTerminalPhase, type PodView, type ProbeVerdicts } from './pod/pod-view.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodExecutor } from './pod-executor.ts';
import type { PodResizes } from './pod-resizes.ts';
import type { PodTarget } from './pod-target.ts';
import type { RuntimeState } from './runtime-state.ts';
import { SANDBOX_PROBLEM } from './sandbox-maker.ts';
import { AS_ASKED } from './spec/allocation.ts';
import type { ConfigReader } from './spec/config-reader.ts';
import { imageOf } from './spec/container-config.ts';
import { computeContainerResources } from './spec/container-resources.ts';
import type { PodFacts } from './spec/downward.ts';
import { computeQosClass } from './spec/qos.ts';
import type { ServiceReader } from './spec/service-env.ts';
import type { StartProblems } from './start-problems.ts';
import { computePodStatus } from './status/compute-pod-status.ts';
import type { StatusWriter } from './status-writer.ts';
import type { TerminationMessages } from './termination-messages.ts';
import type { VolumesResult } from './volumes/prepared-volume.ts';
import type { VolumeManager } from './volumes/volume-manager.ts';

export interface PodReconcilerOptions {
  clock: Clock;
  /** The pod as the API shows it; undefined: it does not know the UID. */
  podOf(uid: string): Pod | undefined;
  /** Whether pods can be judged: both what is assigned here and what the runtime has are known. */
  isReady(): boolean;
  /** Whether the API itself was heard: a UID that only the node's own memory lacks is unknown, not vanished. */
  isListed(): boolean;
  hostIp(): string;
  /** Of the other address family. */
  otherHostIp?(): string | undefined;
  allocatable(): Readonly<Record<string, string>>;
  state: RuntimeState;
  executor: PodExecutor;
  status: StatusWriter;
  volumes: VolumeManager;
  images: ImageManager;
  stops: ContainerStops;
  hooks: ContainerHooks;
  problems: StartProblems;
  /** Why amounts of containers could not be changed. */
  resizeProblems: StartProblems;
  resizes: PodResizes;
  reader: ConfigReader;
  services: ServiceReader;
  tokens: { forget(uid: string): void };
  messages: TerminationMessages;
  events: PodEvents;
  deletions: DeletionWriter;
  gate: PodGate;
  probes: ProbeVerdicts & { sync(pod: Pod, observed: ObservedPod): void; forget(uid: string): void };
}

/** A plan leads to the next: sandbox, image, container. More rounds than any pod needs mean that something loops. */
const MAX_ROUNDS = 32;

/** A pod that loops leaves time for the others. */
const REST_MS = 5_000;

/** When a volume cannot be had and nothing will tell of the change: a missing host path, a full disk. */
const VOLUME_RETRY_MS = 5_000;

/** It is not even known yet what the pod needs of the API. */
const WAITING_FOR_WORDS: VolumesResult = { ok: false, volume: '', message: '', isPending: true };

export class PodReconciler {
  readonly #options: PodReconcilerOptions;

  constructor(options: PodReconcilerOptions) {
    this.#options = options;
  }

  async reconcile(uid: string): Promise<ReconcileResult> {
    const { isReady, isListed, podOf, state } = this.#options;
    // When any of these comes about, all pods are queued again.
    if (!isReady() || state.problem !== undefined) return {};
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const pod = podOf(uid);
      if (pod === undefined && !isListed()) return {};
      const result = pod === undefined ? await this.#endVanished(uid) : await this.#converge(pod);
      if (result !== 'again') return result;
    }
    return { requeueAfterMs: REST_MS };
  }

  async #converge(apiPod: Pod): Promise<ReconcileResult | 'again'> {
    const { state, status, events, messages, probes } = this.#options;
    const pod = status.overlay(apiPod);
    const { uid } = pod.metadata;
    const observed = await state.current(uid);
    probes.sync(pod, observed);
    await messages.load(pod, observed);
    const volumes = await this.#syncVolumes(pod, observed);
    const view = this.#view(pod, observed, volumes);
    const plan = computePodActions(view);
    events.tellBackOffs(view);
    const wanted = computePodStatus(view, {
      hostIp: this.#options.hostIp(),
      otherHostIp: this.#options.otherHostIp?.(),
      terminationMessage: (record) => messages.get(record),
    });
    status.set(pod, wanted);
    // The last word about the pod must be heard before it is gone.
    if (isFarewell(plan) && !status.isShown(pod, wanted)) return {};
    await this.#execute(plan, {
      uid,
      pod,
      observed,
      facts: this.#facts(pod, observed),
      allocation: view.allocation,
      ...fromVolumes(volumes),
      ...from(observed),
    });
    if (isFarewell(plan)) return {};
    if (plan.actions.length > 0) return 'again';
    return after(volumesAgainMs(volumes), plan.lookAgainMs);
  }

  async #endVanished(uid: string): Promise<ReconcileResult | 'again'> {
    const { state, stops } = this.#options;
    const observed = await state.current(uid);
    const plan = computeVanishedActions(observed, (id) => stops.graceSeconds(id));
    const facts = { hostIp: '', podIp: '', allocatable: {} };
    const target = { uid, pod: undefined, observed, facts, allocation: AS_ASKED };
    await this.#execute(plan, { ...target, ...fromVolumes(undefined), ...from(observed) });
    const isOver = plan.actions.some(({ type }) => type === 'remove-files');
    if (isOver) this.#forget(uid);
    return plan.actions.length > 0 && !isOver ? 'again' : {};
  }

  async #execute(plan: PodPlan, target: PodTarget): Promise<void> {
    const { executor, state } = this.#options;
    const looks: Promise<void>[] = [];
    try {
      for (const action of plan.actions) {
        const step = executor.execute<PodAction['type']>(action, target);
        if (action.type !== 'ensure-image') {
          await step;
          continue;
        }
        // Looking for an image holds nobody up; a failure is thrown at the end.
        step.catch(() => undefined);
        looks.push(step);
      }
      await Promise.all(looks);
    } finally {
      await Promise.allSettled(looks);
      // Whatever went well must be seen by the next look, even if a later step failed.
      if (plan.actions.some(changesRuntime)) await state.refresh(target.uid).catch(() => undefined);
    }
  }

  /** undefined: the pod is about to end, its volumes stay as they are. */
  async #syncVolumes(pod: Pod, observed: ObservedPod): Promise<VolumesResult | undefined> {
    const { volumes, events } = this.#options;
    if (pod.metadata.deletionTimestamp !== undefined || isTerminalPhase(pod.status.phase)) return undefined;
    if (this.#isWaitingForWords(pod)) return WAITING_FOR_WORDS;
    const result = await volumes.sync({ pod, facts: this.#facts(pod, observed), hasRun: hasRun(pod, observed) });
    if (!result.ok && !result.isPending) {
      const message = `MountVolume.SetUp failed for volume "${result.volume}" : ${result.message}`;
      events.pod(pod, 'Warning', 'FailedMount', message);
    }
    return result;
  }

  /** Something that the pod names was not heard of yet; the answer is on its way. */
  #isWaitingForWords({ metadata, spec }: Pod): boolean {
    const { reader, services } = this.#options;
    const secrets = (spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
    const isUnknown = (name: string): boolean => reader.secret(metadata.namespace ?? '', name).state === 'unknown';
    return services.services() === undefined || secrets.some(isUnknown);
  }

  #view(pod: Pod, observed: ObservedPod, volumes: VolumesResult | undefined): PodView {
    const { clock, images, stops, state, probes, problems, gate, hooks, resizes, resizeProblems } = this.#options;
    const { uid } = pod.metadata;
    const references = new Map(containersOf(pod.spec).map(({ container }) => [container.name, imageOf(container)]));
    const allocation = resizes.allocation(pod);
    const context = { podResources: pod.spec.resources, qosClass: computeQosClass(pod.spec), nodeMemoryBytes: 0 };
    return {
      pod,
      observed,
      nowMs: clock.nowMs(),
      volumesReady: volumes?.ok ?? true,
      volumesComing: volumes?.ok === false && volumes.isPending && volumes !== WAITING_FOR_WORDS,
      image: (container, attempt) => images.verdict({ uid, container, attempt }, references.get(container) ?? ''),
      stoppingGraceSeconds: (id) => stops.graceSeconds(id),
      endedForMs: (record) => state.endedForMs(record),
      probes,
      startProblem: (container) => problems.get(uid, container),
      sandboxProblem: problems.get(uid, SANDBOX_PROBLEM),
      postStart: ({ id }) => hooks.postStart(id),
      allocation,
      amounts: (container) => computeContainerResources({ resources: allocation.resourcesOf(container) }, context),
      resizeProblem: (container) => resizeProblems.get(uid, container),
      ending: gate.ending(pod, observed),
    };
  }

  #facts(pod: Pod, observed: ObservedPod): PodFacts {
    const { hostIp, otherHostIp, allocatable } = this.#options;
    const host = { hostIp: hostIp(), otherHostIp: otherHostIp?.() };
    const sandbox = readySandbox(observed);
    const own = pod.spec.hostNetwork ? { ip: host.hostIp, otherIp: host.otherHostIp } : sandbox;
    return { ...host, podIp: own?.ip ?? '', otherPodIp: own?.otherIp, allocatable: allocatable() };
  }

  #forget(uid: string): void {
    const { status, images, problems, messages, events, probes, gate, deletions } = this.#options;
    const { hooks, resizes, resizeProblems, tokens } = this.#options;
    const others = [hooks, resizes, resizeProblems, tokens];
    for (const memory of [status, images, problems, messages, events, probes, gate, deletions, ...others]) {
      memory.forget(uid);
    }
  }
}

/** Whether the pod was given all that it needs before. */
function hasRun({ status }: Pod, { containers }: ObservedPod): boolean {
  const shown = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  return containers.length > 0 || shown.some(({ containerID }) => containerID !== undefined);
}

/** Whether the runtime has something else afterwards; the ends of stops are heard when they come. */
function changesRuntime({ type }: PodAction): boolean {
  return type.endsWith('-sandbox') || (type.endsWith('-container') && type !== 'stop-container');
}

function volumesAgainMs(volumes: VolumesResult | undefined): number | undefined {
  if (volumes === undefined) return undefined;
  if (volumes.ok) return volumes.lookAgainMs;
  return volumes.isPending ? undefined : VOLUME_RETRY_MS;
}

function isFarewell(plan: PodPlan): boolean {
  return plan.actions.some(({ type }) => type === 'finish-deletion');
}

function fromVolumes(volumes: VolumesResult | undefined): Pick<PodTarget, 'volumes'> {
  return { volumes: volumes?.ok ? volumes.volumes : new Map() };
}

function from(observed: ObservedPod): Pick<PodTarget, 'sandboxAttempt'> {
  return { sandboxAttempt: observed.sandboxes.at(-1)?.attempt ?? 0 };
}

function after(...delaysMs: readonly (number | undefined)[]): ReconcileResult {
  const known = delaysMs.filter((delay) => delay !== undefined);
  return known.length === 0 ? {} : { requeueAfterMs: Math.min(...known) };
}
