/**
 * The garbage collector: deletes what has no owner any more, holds owners until their dependents are gone, sets orphans
 * free. Invariant: nothing is deleted on the word of an informer alone; the server is asked for the object and for owners
 * that seem to be missing.
 */
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { parseKey } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { KubernetesObject, OwnerReference } from '../../../shared/schema/object-meta.ts';
import { type Executors, executeAll } from '../actions.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { type AnyKind, type GraphNode, OwnershipGraph } from './ownership-graph.ts';
import {
  type CollectorActions,
  computeCollectorActions,
  FOREGROUND_FINALIZER,
  ORPHAN_FINALIZER,
  type OwnerView,
} from './plan.ts';

const CONCURRENCY = 8;

/** Owners that are known to be gone; a uid never comes back, so hundreds of dependents need one question. */
const MAX_ABSENT_OWNERS = 1_000;

export class GarbageCollector implements Component {
  readonly #environment: Environment;
  readonly #graph: OwnershipGraph;
  readonly #controller: SyncedController;
  readonly #absentOwners = new Set<string>();

  constructor(environment: Environment, informers: Informers, kinds: readonly AnyKind[]) {
    this.#environment = environment;
    this.#graph = new OwnershipGraph(kinds, informers);
    this.#controller = new SyncedController({
      ...environment,
      name: 'garbage-collector',
      concurrency: CONCURRENCY,
      informers: this.#graph.informers,
      reconcile: (id) => this.#reconcile(id),
    });
    this.#graph.onChange((node, current, previous) => this.#onChange(node, current, previous));
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  #onChange(node: GraphNode, current: KubernetesObject | undefined, previous: KubernetesObject | undefined): void {
    const isReplaced = previous !== undefined && previous.metadata.uid !== current?.metadata.uid;
    if (isReplaced) {
      for (const dependent of this.#graph.dependentsOf(previous.metadata.uid)) this.#enqueue(dependent.node);
    }
    const before = previous?.metadata.ownerReferences;
    const isOwnedAnew = !jsonEqual(current?.metadata.ownerReferences, before);
    // An owner that waits for its dependents looks again when one of them goes or lets go.
    if ((isReplaced || isOwnedAnew) && previous !== undefined) this.#enqueueWaitingOwners(previous);
    if (current !== undefined && (isOwnedAnew || isReplaced || needsCollector(current))) this.#enqueue(node);
  }

  #enqueueWaitingOwners(dependent: KubernetesObject): void {
    for (const reference of dependent.metadata.ownerReferences ?? []) {
      const node = this.#graph.ownerNode(reference, dependent);
      const owner = node && this.#graph.get(node);
      if (node !== undefined && owner !== undefined && needsCollector(owner)) this.#enqueue(node);
    }
  }

  #enqueue(node: GraphNode): void {
    this.#controller.enqueue(this.#graph.renderId(node));
  }

  async #reconcile(id: string): Promise<ReconcileResult> {
    const node = this.#graph.parseId(id);
    const known = node && this.#graph.get(node);
    if (node === undefined || known === undefined || !concernsCollector(known)) return {};
    const object = await this.#latest(node);
    // Replaced meanwhile: the informer will tell of the new one.
    if (object === undefined || object.metadata.uid !== known.metadata.uid) return {};
    const owners = await this.#viewOwners(object);
    const dependents = this.#graph.dependentsOf(object.metadata.uid).map((dependent) => dependent.object);
    await executeAll(this.#executors(node, object), computeCollectorActions({ object, owners, dependents }));
    return {};
  }

  async #viewOwners(object: KubernetesObject): Promise<OwnerView[]> {
    const views: OwnerView[] = [];
    for (const reference of object.metadata.ownerReferences ?? []) {
      views.push({ reference, state: await this.#ownerState(reference, object) });
    }
    return views;
  }

  async #ownerState(reference: OwnerReference, dependent: KubernetesObject): Promise<OwnerView['state']> {
    const node = this.#graph.ownerNode(reference, dependent);
    if (node === undefined) return 'unknown';
    const absentId = `${this.#graph.renderId(node)} ${reference.uid}`;
    if (this.#absentOwners.has(absentId)) return 'absent';
    const known = this.#graph.get(node);
    const owner = known?.metadata.uid === reference.uid ? known : await this.#latest(node);
    if (owner?.metadata.uid !== reference.uid) {
      this.#rememberAbsent(absentId);
      return 'absent';
    }
    const isWaiting = owner.metadata.deletionTimestamp && owner.metadata.finalizers?.includes(FOREGROUND_FINALIZER);
    return isWaiting ? 'waiting' : 'present';
  }

  #rememberAbsent(id: string): void {
    this.#absentOwners.add(id);
    const [oldest] = this.#absentOwners;
    if (this.#absentOwners.size > MAX_ABSENT_OWNERS && oldest !== undefined) this.#absentOwners.delete(oldest);
  }

  async #latest({ kind, key }: GraphNode): Promise<KubernetesObject | undefined> {
    try {
      return await this.#environment.client.get(kind, parseKey(key));
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** All writes name the revision that the plan was made from; a lost race is planned again. */
  #executors(node: GraphNode, object: KubernetesObject): Executors<CollectorActions> {
    const { client, logger } = this.#environment;
    const { uid, resourceVersion, finalizers = [] } = object.metadata;
    return {
      deleteObject: async ({ policy }) => {
        const options = { propagationPolicy: policy, preconditions: { uid, resourceVersion } };
        await unlessNotFound(client.delete(node.kind, parseKey(node.key), options));
        logger.debug('collected', { object: this.#graph.renderId(node), policy });
      },
      dropOwners: ({ uids }) => this.#dropOwners(node, object, uids),
      lookAtDependents: async () => {
        for (const dependent of this.#graph.dependentsOf(uid)) this.#enqueue(dependent.node);
      },
      setDependentsFree: async () => {
        for (const dependent of this.#graph.dependentsOf(uid)) {
          await this.#dropOwners(dependent.node, dependent.object, [uid]);
        }
      },
      removeFinalizer: async ({ finalizer }) => {
        const rest = finalizers.filter((name) => name !== finalizer);
        const body = { metadata: { uid, resourceVersion, finalizers: rest } };
        await unlessNotFound(client.patch(node.kind, parseKey(node.key), { type: 'merge', body }));
      },
    };
  }

  async #dropOwners(node: GraphNode, object: KubernetesObject, uids: readonly string[]): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter(
      (reference) => !uids.includes(reference.uid),
    );
    const body = { metadata: { uid, resourceVersion, ownerReferences } };
    await unlessNotFound(this.#environment.client.patch(node.kind, parseKey(node.key), { type: 'merge', body }));
  }
}

/** Being deleted, and this controller has to do something before it may go. */
function needsCollector({ metadata }: KubernetesObject): boolean {
  const finalizers = metadata.finalizers ?? [];
  const isOurs = finalizers.includes(FOREGROUND_FINALIZER) || finalizers.includes(ORPHAN_FINALIZER);
  return metadata.deletionTimestamp !== undefined && isOurs;
}

function concernsCollector(object: KubernetesObject): boolean {
  return needsCollector(object) || (object.metadata.ownerReferences ?? []).length > 0;
}
