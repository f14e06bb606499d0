/**
 * The pods of workloads of one kind: whom a change concerns, what has been waited for, and which pods an owner manages. It
 * adopts what it selects and nobody controls, and releases what it owns and no longer selects.
 */
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import type { Client, KindRef } from '../../shared/client/client.ts';
import { subjectOf } from '../../shared/client/event-recorder.ts';
import { type Informer, keyOf, parseKey } from '../../shared/client/informer.ts';
import { conflict } from '../../shared/machinery/errors.ts';
import { type Selector, selectorMatches } from '../../shared/machinery/label-selector.ts';
import { controllerOf } from '../../shared/machinery/owner-references.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';
import { claimObjects } from './claims.ts';
import { BY_CONTROLLER, noControllerIn } from './informers.ts';
import type { Expectations } from './replica-set/expectations.ts';

export interface OwnedPodsOptions<T extends KubernetesObject> {
  client: Client;
  kind: KindRef<T>;
  owners: Informer<T>;
  pods: Informer<Pod>;
  /** undefined: it selects nothing. */
  selectorOf(owner: T): Selector | undefined;
  /** Beyond the selector: a StatefulSet manages pods of its names only. */
  isMember?(pod: Pod, owner: T): boolean;
  /** Added to what is adopted. */
  finalizers?: readonly string[];
  /** Hears of creations and deletions. */
  expectations?: Expectations;
  enqueue(key: string): void;
}

export class OwnedPods<T extends KubernetesObject> {
  readonly #options: OwnedPodsOptions<T>;

  /** Listens from now on; make it before the informers are started. */
  constructor(options: OwnedPodsOptions<T>) {
    this.#options = options;
    options.pods.onChange((_key, current, previous) => {
      this.#noteExpected(current, previous);
      this.#enqueueOwners(current, previous);
    });
  }

  /** Those that it owns and selects, ended ones included. */
  async claim(owner: T): Promise<Pod[]> {
    const { client, kind, pods, selectorOf, isMember = () => true, finalizers } = this.#options;
    const selector = selectorOf(owner);
    if (selector === undefined) return [];
    const orphans = pods.byIndex(BY_CONTROLLER, noControllerIn(owner.metadata.namespace));
    const candidates = [...pods.byIndex(BY_CONTROLLER, owner.metadata.uid), ...orphans];
    return claimObjects({
      client,
      kind: PodKind,
      owner: { ...subjectOf(kind, owner), metadata: owner.metadata },
      selector,
      candidates: candidates.filter((pod) => isMember(pod, owner)),
      refuse: () => this.#refuseWhenGoing(owner),
      ...(finalizers === undefined ? {} : { finalizers }),
    });
  }

  #noteExpected(current: Pod | undefined, previous: Pod | undefined): void {
    const { expectations } = this.#options;
    if (expectations === undefined) return;
    const isNew = current !== undefined && previous?.metadata.uid !== current.metadata.uid;
    const owners = new Set([current, previous].flatMap((pod) => (pod && controllerOf(pod)) ?? []));
    for (const owner of owners) {
      if (isNew) expectations.noteCreation(owner.uid);
      if (previous !== undefined && isGoing(current, previous)) {
        expectations.noteDeletion(owner.uid, previous.metadata.uid);
      }
    }
  }

  #enqueueOwners(current: Pod | undefined, previous: Pod | undefined): void {
    const { kind, enqueue } = this.#options;
    for (const pod of [current, previous]) {
      if (pod === undefined) continue;
      const owner = controllerOf(pod);
      if (owner?.kind === kind.kind) enqueue(`${pod.metadata.namespace}/${owner.name}`);
      else if (owner === undefined && pod === current) this.#enqueueSelecting(pod);
    }
  }

  /** A pod without a controller is news to those who select it. */
  #enqueueSelecting(pod: Pod): void {
    const { owners, selectorOf, enqueue } = this.#options;
    for (const owner of owners.list(pod.metadata.namespace)) {
      const selector = selectorOf(owner);
      if (selector !== undefined && selectorMatches(selector, pod.metadata.labels)) enqueue(keyOf(owner));
    }
  }

  /** The informer may not know yet that the owner is being deleted; what it adopts now would be deleted with it. */
  async #refuseWhenGoing(owner: T): Promise<void> {
    const { client, kind } = this.#options;
    const { metadata } = await client.get(kind, parseKey(keyOf(owner)));
    const isSame = metadata.uid === owner.metadata.uid && metadata.deletionTimestamp === undefined;
    if (!isSame) throw conflict(kind, metadata.name, 'it is being deleted and adopts no pods');
  }
}

/** Deleted, being deleted, or replaced by another pod of that name. */
function isGoing(current: Pod | undefined, previous: Pod): boolean {
  return current?.metadata.uid !== previous.metadata.uid || current.metadata.deletionTimestamp !== undefined;
}
