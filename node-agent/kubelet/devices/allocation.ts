/**
 * Which container has which device. Pure but for one map: an allocation is made once for a pod, is written into the labels of
 * its containers, and is read from there by the next agent. A share of a device belongs to one pod; within the pod, init
 * containers use again what the main containers will have, as in Kubernetes.
 */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { quantityToBytes } from '../../../shared/machinery/quantity.ts';
import { type Device, type DeviceNode, RESOURCE_PREFIX } from './device.ts';

/** One share of one device for one container, under the name that it was asked for by. */
export interface DeviceGrant {
  container: string;
  /** Name of the resource without its prefix. */
  name: string;
  deviceId: string;
  /** Counts the shares of the device. */
  share: number;
  /** As they were when the container got them. */
  nodes: readonly DeviceNode[];
}

export interface Shortage {
  name: string;
  requested: number;
  available: number;
}

export class Allocations {
  readonly #byPod = new Map<string, readonly DeviceGrant[]>();

  get(uid: string): readonly DeviceGrant[] | undefined {
    return this.#byPod.get(uid);
  }

  set(uid: string, grants: readonly DeviceGrant[]): void {
    this.#byPod.set(uid, grants);
  }

  delete(uid: string): boolean {
    const had = (this.#byPod.get(uid)?.length ?? 0) > 0;
    this.#byPod.delete(uid);
    return had;
  }

  entries(): [string, readonly DeviceGrant[]][] {
    return [...this.#byPod];
  }

  takenShares(deviceId: string): Set<number> {
    return new Set(this.#grants().flatMap((grant) => (grant.deviceId === deviceId ? [grant.share] : [])));
  }

  sharesTaken(deviceId: string): number {
    return this.takenShares(deviceId).size;
  }

  /** Shares of these devices that were given away under this name. */
  granted(name: string, devices: readonly Device[]): number {
    const ids = new Set(devices.map(({ id }) => id));
    const mine = this.#grants().filter((grant) => grant.name === name && ids.has(grant.deviceId));
    return new Set(mine.map(shareKey)).size;
  }

  #grants(): DeviceGrant[] {
    return [...this.#byPod.values()].flat();
  }
}

function shareKey({ deviceId, share }: Pick<DeviceGrant, 'deviceId' | 'share'>): string {
  return `${deviceId} ${share}`;
}

/** Names and counts that a container asks for; limits say it, as extended resources are not overcommitted. */
export function deviceRequests({ resources }: Pick<Container, 'resources'>): [name: string, count: number][] {
  const asked = { ...resources?.requests, ...resources?.limits };
  return Object.entries(asked)
    .filter(([name]) => name.startsWith(RESOURCE_PREFIX))
    .map(([name, amount]): [string, number] => [name.slice(RESOURCE_PREFIX.length), quantityToBytes(amount)])
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** All grants of a pod, or what is missing. */
export function allocatePod(
  pod: Pod,
  devices: readonly Device[],
  allocations: Allocations,
): { grants: DeviceGrant[] } | { shortage: Shortage } {
  const inits = pod.spec.initContainers ?? [];
  const sidecars = inits.filter(isSidecar);
  const work = new Round(devices, allocations);
  for (const container of [...sidecars, ...pod.spec.containers]) {
    const shortage = work.serve(container, []);
    if (shortage !== undefined) return { shortage };
  }
  const names = new Set(sidecars.map(({ name }) => name));
  for (const container of inits.filter((init) => !isSidecar(init))) {
    const reusable = work.grants.filter((grant) => !names.has(grant.container));
    const shortage = work.serve(container, reusable);
    if (shortage !== undefined) return { shortage };
  }
  return { grants: work.grants };
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

/** One attempt to serve a whole pod. */
class Round {
  readonly grants: DeviceGrant[] = [];
  readonly #devices: readonly Device[];
  readonly #taken: Map<string, Set<number>>;

  constructor(devices: readonly Device[], allocations: Allocations) {
    this.#devices = devices;
    this.#taken = new Map(devices.map(({ id }) => [id, allocations.takenShares(id)]));
  }

  /** Names that few devices have come first, so that `serial` does not take the only `zigbee`. */
  serve(container: Container, reusable: readonly DeviceGrant[]): Shortage | undefined {
    const requests = deviceRequests(container).sort(([a], [b]) => this.#named(a).length - this.#named(b).length);
    for (const [name, requested] of requests) {
      const own = this.grants.filter((grant) => grant.container === container.name);
      const found = this.#pick(name, requested, [...own, ...reusable]);
      if (found.length < requested) return { name, requested, available: found.length };
      this.grants.push(...found.map((share) => ({ ...share, container: container.name, name })));
    }
    return undefined;
  }

  /** One dongle may be asked for under two names by one container: what it has already comes first. */
  #pick(name: string, count: number, reusable: readonly DeviceGrant[]) {
    const members = this.#named(name);
    const ids = new Set(members.map(({ id }) => id));
    const again = new Map(
      reusable.filter(({ deviceId }) => ids.has(deviceId)).map((grant) => [shareKey(grant), grant]),
    );
    const found: Omit<DeviceGrant, 'container' | 'name'>[] = [...again.values()].slice(0, count);
    while (found.length < count) {
      const device = this.#leastTaken(members);
      if (device === undefined) break;
      found.push({ deviceId: device.id, share: this.#take(device), nodes: device.nodes });
    }
    return found;
  }

  #named(name: string): Device[] {
    return this.#devices.filter(({ names }) => names.includes(name));
  }

  #leastTaken(members: readonly Device[]): Device | undefined {
    const free = members.filter(({ id, shares }) => this.#takenOf(id).size < shares);
    return free.sort((a, b) => this.#takenOf(a.id).size - this.#takenOf(b.id).size || (a.id < b.id ? -1 : 1))[0];
  }

  #take({ id }: Device): number {
    const taken = this.#takenOf(id);
    let share = 0;
    while (taken.has(share)) share += 1;
    taken.add(share);
    return share;
  }

  #takenOf(id: string): Set<number> {
    const taken = this.#taken.get(id) ?? new Set();
    this.#taken.set(id, taken);
    return taken;
  }
}
