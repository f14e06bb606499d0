/**
 * Everything that the API server has stored, write by write, as an outside observer with a perfect view keeps it: what the
 * witnesses go by. It outlives the master. Invariant: changes are told in the order of their revisions.
 */
import type { Write } from '../../master/store/store.ts';
import type { DaemonSet } from '../../shared/api/daemon-set.ts';
import type { Deployment } from '../../shared/api/deployment.ts';
import type { Job } from '../../shared/api/job.ts';
import type { Node } from '../../shared/api/node.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { controllerOf } from '../../shared/machinery/owner-references.ts';
import type { KubernetesObject, OwnerReference } from '../../shared/schema/object-meta.ts';

export interface Change<T> {
  current: T | undefined;
  previous: T | undefined;
}

export interface PodOnBoard {
  board: string;
  uid: string;
  namespace: string;
  name: string;
}

/** A container that has just been started on a board, and what runs anywhere else, seen from outside. */
export interface Start {
  pod: PodOnBoard;
  others: readonly PodOnBoard[];
}

/** Looks at each change and at each start; says what is wrong with it. */
export interface Witness {
  onPod?(change: Change<Pod>, journal: Journal): string[];
  onJob?(change: Change<Job>, journal: Journal): string[];
  onNode?(change: Change<Node>, journal: Journal): string[];
  onStart?(start: Start, journal: Journal): string[];
}

interface Wish {
  generation: number;
  replicas: number;
  atMs: number;
}

export class Journal {
  /** By `namespace/name`, or `name`. */
  readonly pods = new Map<string, Pod>();
  readonly nodes = new Map<string, Node>();
  readonly daemonSets = new Map<string, DaemonSet>();
  readonly jobs = new Map<string, Job>();
  readonly #wishes = new Map<string, Wish[]>();
  readonly #owners = new Map<string, OwnerReference>();
  readonly #witnesses: readonly Witness[];
  readonly #monotonicMs: () => number;
  readonly #complaints: string[] = [];

  constructor(witnesses: readonly Witness[], monotonicMs: () => number) {
    this.#witnesses = witnesses;
    this.#monotonicMs = monotonicMs;
  }

  get nowMs(): number {
    return this.#monotonicMs();
  }

  /** What was found wrong since the last call. */
  takeComplaints(): string[] {
    return this.#complaints.splice(0);
  }

  /** The controller of any pod that ever was, unless it was left to itself. */
  ownerOfPod(uid: string): OwnerReference | undefined {
    return this.#owners.get(uid);
  }

  podsOf(ownerUid: string): Pod[] {
    return [...this.pods.values()].filter((pod) => controllerOf(pod)?.uid === ownerUid);
  }

  /** The most replicas that its controller may still be at work for: it has not seen what came since, or only just. */
  mostReplicas({ metadata, status }: Deployment, lagMs: number): number {
    const { observedGeneration = 0 } = status;
    const wishes = this.#wishes.get(metadata.uid) ?? [];
    const inForce = wishes.filter(({ generation }, index) => {
      const supersededMs = wishes[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
      return generation >= observedGeneration || supersededMs >= this.nowMs - lagMs;
    });
    return Math.max(0, ...inForce.map(({ replicas }) => replicas));
  }

  noteWrite({ key, value }: Write): void {
    const text = value ?? '';
    const [, group = '', plural = '', ...rest] = key.split('/');
    const name = rest.join('/');
    const resource = `${group}/${plural}`;
    if (resource === 'core/pods') this.#note(put(this.pods, name, text), ({ onPod }) => onPod);
    if (resource === 'core/nodes') this.#note(put(this.nodes, name, text), ({ onNode }) => onNode);
    if (resource === 'batch/jobs') this.#note(put(this.jobs, name, text), ({ onJob }) => onJob);
    if (resource === 'apps/deployments' && text !== '') this.#noteWish(JSON.parse(text));
    if (resource === 'apps/daemonsets') put(this.daemonSets, name, text);
  }

  noteStart(start: Start): void {
    for (const { onStart } of this.#witnesses) this.#complaints.push(...(onStart?.(start, this) ?? []));
  }

  #noteWish({ metadata, spec }: Deployment): void {
    const wishes = this.#wishes.get(metadata.uid) ?? [];
    const { generation = 0 } = metadata;
    if (wishes.at(-1)?.generation === generation) return;
    this.#wishes.set(metadata.uid, [...wishes, { generation, replicas: spec.replicas, atMs: this.nowMs }]);
  }

  #note<T extends KubernetesObject>(
    change: Change<T>,
    listenerOf: (witness: Witness) => ((change: Change<T>, journal: Journal) => string[]) | undefined,
  ): void {
    const owner = change.current && controllerOf(change.current);
    const uid = change.current?.metadata.uid;
    if (uid !== undefined && owner !== undefined) this.#owners.set(uid, owner);
    else if (uid !== undefined) this.#owners.delete(uid);
    for (const witness of this.#witnesses) this.#complaints.push(...(listenerOf(witness)?.(change, this) ?? []));
  }
}

/** `text` is the object as JSON; empty when it is gone. */
function put<T>(objects: Map<string, T>, key: string, text: string): Change<T> {
  const previous = objects.get(key);
  const current: T | undefined = text === '' ? undefined : JSON.parse(text);
  if (current === undefined) objects.delete(key);
  else objects.set(key, current);
  return { current, previous };
}
