/**
 * The node's word on its pods: a new one comes in when there is room, no pressure against it, and its devices are free; one that
 * is in stays until its device is lost or it is evicted. What ran before the agent started has come in already.
 */
import { PodRef } from '../../../shared/api/kind-refs.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { resourceOf } from '../devices/device.ts';
import type { DeviceManager } from '../devices/device-manager.ts';
import type { PressureType } from '../eviction/pressure.ts';
import { isEmpty, type ObservedPod } from '../pod/observed-pod.ts';
import type { ContainerGrant, PodEnding, PodGate } from '../pod/pod-gate.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';
import { checkPressure, checkRoom, type Rejection, rejectForDevices } from './admission.ts';
import type { PodEndings } from './pod-endings.ts';

export interface NodeGateOptions {
  devices: DeviceManager;
  endings: PodEndings;
  recorder: EventRecorder;
  /** All pods that are assigned here. */
  pods(): readonly Pod[];
  /** What the runtime has of each pod; listed before the first question. */
  observed(): ReadonlyMap<string, ObservedPod>;
  allocatable(): Readonly<Record<string, string>>;
  pressures(): readonly PressureType[];
}

export class NodeGate implements PodGate {
  readonly #options: NodeGateOptions;
  readonly #admitted = new Set<string>();
  #hasRestored = false;

  constructor(options: NodeGateOptions) {
    this.#options = options;
  }

  ending(pod: Pod, observed: ObservedPod): PodEnding | undefined {
    const { endings } = this.#options;
    const { uid, deletionTimestamp } = pod.metadata;
    this.#restore();
    if (isTerminalPhase(pod.status.phase) || deletionTimestamp !== undefined) {
      if (!observed.containers.some(({ state }) => state === 'running')) this.#leave(uid);
      return endings.get(uid);
    }
    return endings.get(uid) ?? this.#judgeDevices(pod) ?? this.#admit(pod);
  }

  grant(pod: Pod, container: string): ContainerGrant {
    return this.#options.devices.grant(pod.metadata.uid, container);
  }

  forget(uid: string): void {
    this.#leave(uid);
    this.#options.endings.forget(uid);
  }

  /** Before anybody gets a device: who has which. */
  #restore(): void {
    if (this.#hasRestored) return;
    this.#hasRestored = true;
    this.#options.devices.restore(this.#options.observed());
  }

  #leave(uid: string): void {
    this.#admitted.delete(uid);
    this.#options.devices.release(uid);
  }

  #judgeDevices(pod: Pod): PodEnding | undefined {
    const lost = this.#options.devices.lost(pod.metadata.uid);
    if (lost === undefined) return undefined;
    const message = `The device ${lost.deviceId} (${resourceOf(lost.name)}) of container ${lost.container} is gone`;
    return this.#end(pod, { reason: 'DeviceLost', message, graceSeconds: undefined, isDisruption: true });
  }

  #admit(pod: Pod): PodEnding | undefined {
    const { uid } = pod.metadata;
    if (this.#admitted.has(uid)) return undefined;
    const why = (this.#wasIn(pod) ? undefined : this.#check(pod)) ?? this.#allocate(pod);
    if (why === undefined) {
      this.#admitted.add(uid);
      return undefined;
    }
    const message = `Pod was rejected: ${why.message}`;
    return this.#end(pod, { reason: why.reason, message, graceSeconds: undefined, isDisruption: false });
  }

  /** A pod that is gone may not have been looked at yet: its devices are free. */
  #allocate(pod: Pod): Rejection | undefined {
    const { devices, pods } = this.#options;
    const alive = pods().filter(({ status }) => !isTerminalPhase(status.phase));
    devices.releaseAllBut(new Set(alive.map(({ metadata }) => metadata.uid)));
    const shortage = devices.allocate(pod);
    return shortage && rejectForDevices(shortage);
  }

  #wasIn({ metadata, status }: Pod): boolean {
    const hasRun = status.containerStatuses?.some(({ containerID }) => containerID) ?? false;
    const observed = this.#options.observed().get(metadata.uid);
    return status.phase === 'Running' || hasRun || (observed !== undefined && !isEmpty(observed));
  }

  #check(pod: Pod): Rejection | undefined {
    const { pods, allocatable, pressures } = this.#options;
    const isIn = (other: Pod): boolean => this.#admitted.has(other.metadata.uid) || this.#wasIn(other);
    const others = pods().filter(
      (other) => other.metadata.uid !== pod.metadata.uid && !isTerminalPhase(other.status.phase) && isIn(other),
    );
    return checkPressure(pod, pressures()) ?? checkRoom(pod, others, allocatable());
  }

  #end(pod: Pod, ending: PodEnding): PodEnding {
    this.#options.recorder.event(subjectOf(PodRef, pod), 'Warning', ending.reason, ending.message);
    return this.#options.endings.set(pod.metadata.uid, ending);
  }
}
