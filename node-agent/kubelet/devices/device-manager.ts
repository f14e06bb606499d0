/**
 * The node's devices and who has them. Looks when the source hints at a change, a moment later, as a dongle brings several
 * files; a device that is gone for longer than a dongle needs to come back is lost, and so are the pods that hold it.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { ObservedPod } from '../pod/observed-pod.ts';
import type { ContainerGrant } from '../pod/pod-gate.ts';
import { Allocations, allocatePod, type DeviceGrant, type Shortage } from './allocation.ts';
import { renderContainerDevices } from './container-devices.ts';
import type { Device, DeviceNames, DeviceSource } from './device.ts';
import { parseDeviceAnnotation } from './device-annotation.ts';
import { applyNames, PATH_ID_PREFIX, readNameAnnotations } from './named-devices.ts';
import { type DeviceFacts, NO_DEVICES, renderDevices } from './render-devices.ts';

export interface DeviceManagerOptions {
  source: DeviceSource;
  clock: Clock;
  logger: Logger;
  /** What the Node should tell has changed. */
  onFacts(): void;
  /** The pod holds a device that is lost. */
  onLost(uid: string): void;
}

/** A dongle brings its node, its links and their rights within this time. */
const SETTLE_MS = 500;

/** A dongle that is reset or short of power comes back within this time, and its pod has noticed nothing. */
const LOST_AFTER_MS = 3_000;

/** Hints may be lost. */
const RESCAN_MS = 60_000;

export class DeviceManager implements Component {
  readonly #options: DeviceManagerOptions;
  readonly #allocations = new Allocations();
  /** Monotonic time since which a pod misses a device. */
  readonly #missingSinceMs = new Map<string, number>();
  #devices: readonly Device[] = [];
  #annotated: DeviceNames = new Map();
  #facts: DeviceFacts = NO_DEVICES;
  #timer: { timer: Timer; dueMs: number } | undefined;
  #unwatch: () => void = () => undefined;

  constructor(options: DeviceManagerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#look();
    this.#unwatch = this.#options.source.watch(() => this.#lookIn(SETTLE_MS));
  }

  async stop(): Promise<void> {
    this.#unwatch();
    this.#timer?.timer.cancel();
  }

  /** As the Node should show them. */
  get facts(): DeviceFacts {
    return this.#facts;
  }

  /** Annotations of the Node: people name devices there. */
  setAnnotations(annotations: Readonly<Record<string, string>>): void {
    const names = readNameAnnotations(annotations);
    if (jsonEqual([...names], [...this.#annotated])) return;
    this.#annotated = names;
    this.#look();
  }

  /** What containers of former agents have. Devices of containers that do not run may have other numbers by now. */
  restore(pods: ReadonlyMap<string, ObservedPod>): void {
    for (const [uid, { containers }] of pods) {
      const latest = new Map(containers.map((record) => [record.name, record]));
      const grants = [...latest.values()].flatMap(({ name, annotations, state }) =>
        parseDeviceAnnotation(name, annotations).map((grant) => (state === 'running' ? grant : this.#renew(grant))),
      );
      if (grants.length > 0) this.#allocations.set(uid, grants);
    }
    this.#look();
  }

  /** Idempotent: a pod keeps what it has got. */
  allocate(pod: Pod): Shortage | undefined {
    const { uid } = pod.metadata;
    if (this.#allocations.get(uid) !== undefined) return undefined;
    const result = allocatePod(pod, this.#devices, this.#allocations);
    if ('shortage' in result) return result.shortage;
    this.#allocations.set(uid, result.grants);
    if (result.grants.length > 0) this.#refreshFacts();
    return undefined;
  }

  release(uid: string): void {
    this.#missingSinceMs.delete(uid);
    if (this.#allocations.delete(uid)) this.#refreshFacts();
  }

  /** Pods that are not here any more have no devices either. */
  releaseAllBut(uids: ReadonlySet<string>): void {
    for (const [uid] of this.#allocations.entries()) if (!uids.has(uid)) this.release(uid);
  }

  /** Has to be allocated. The devices under the numbers that they have now. */
  grant(uid: string, container: string): ContainerGrant {
    const renewed = (this.#allocations.get(uid) ?? []).map((grant) =>
      grant.container === container ? this.#renew(grant) : grant,
    );
    if (renewed.length > 0) this.#allocations.set(uid, renewed);
    return renderContainerDevices(renewed.filter((grant) => grant.container === container));
  }

  /** The first device that the pod has lost for good. */
  lost(uid: string): DeviceGrant | undefined {
    const sinceMs = this.#missingSinceMs.get(uid);
    if (sinceMs === undefined || this.#options.clock.monotonicMs() - sinceMs < LOST_AFTER_MS) return undefined;
    return this.#allocations.get(uid)?.find((grant) => this.#isMissing(grant));
  }

  #look(): void {
    const { source, logger } = this.#options;
    const names: DeviceNames = new Map([...source.names(), ...this.#annotated]);
    const before = this.#devices;
    this.#devices = applyNames(source.scan(), names, (path) => source.find(path));
    for (const { id } of this.#devices) {
      if (!before.some((device) => device.id === id)) logger.info('a device is here', { device: id });
    }
    for (const { id } of before) {
      if (!this.#devices.some((device) => device.id === id)) logger.info('a device is gone', { device: id });
    }
    this.#refreshFacts();
    this.#lookIn(this.#judgeLoss() ? LOST_AFTER_MS : RESCAN_MS);
  }

  /** Whether a pod misses a device that may still come back. */
  #judgeLoss(): boolean {
    const { clock, onLost } = this.#options;
    const nowMs = clock.monotonicMs();
    let isWaiting = false;
    for (const [uid, grants] of this.#allocations.entries()) {
      if (!grants.some((grant) => this.#isMissing(grant))) {
        this.#missingSinceMs.delete(uid);
        continue;
      }
      const sinceMs = this.#missingSinceMs.get(uid) ?? nowMs;
      this.#missingSinceMs.set(uid, sinceMs);
      if (nowMs - sinceMs >= LOST_AFTER_MS) onLost(uid);
      else isWaiting = true;
    }
    return isWaiting;
  }

  /** Gone, or back under another number, which the container does not have. */
  #isMissing({ deviceId, nodes }: DeviceGrant): boolean {
    const device = this.#deviceOf(deviceId);
    if (device === undefined) {
      // Who named it may not be known yet, after a start without the master.
      const isNamed = deviceId.startsWith(PATH_ID_PREFIX);
      return !(isNamed && nodes.every(({ hostPath }) => this.#options.source.find(hostPath) !== undefined));
    }
    const present = new Set(device.nodes.map(({ hostPath }) => hostPath));
    return !nodes.every(({ hostPath }) => present.has(hostPath));
  }

  #renew(grant: DeviceGrant): DeviceGrant {
    return { ...grant, nodes: this.#deviceOf(grant.deviceId)?.nodes ?? grant.nodes };
  }

  #deviceOf(id: string): Device | undefined {
    return this.#devices.find((device) => device.id === id);
  }

  #refreshFacts(): void {
    const names = [...this.#options.source.names().keys(), ...this.#annotated.keys()];
    const facts = renderDevices(this.#devices, this.#allocations, names);
    if (jsonEqual(facts, this.#facts)) return;
    this.#facts = facts;
    this.#options.onFacts();
  }

  /** The earliest of several wishes counts. */
  #lookIn(delayMs: number): void {
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() + delayMs;
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return;
    this.#timer?.timer.cancel();
    const timer = clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#look();
    });
    this.#timer = { timer, dueMs };
  }
}
