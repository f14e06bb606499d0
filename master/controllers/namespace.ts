/**
 * The namespace controller: empties a namespace that is being deleted, kind by kind, says what is left, and lets it go when
 * nothing is. It asks the server and no informer: one object overseen would stay without a namespace.
 */
import { type Namespace, type NamespaceCondition, NamespaceKind } from '../../shared/api/namespace.ts';
import type { Client, KindRef } from '../../shared/client/client.ts';
import type { ReconcileResult } from '../../shared/client/controller.ts';
import { setCondition } from '../../shared/machinery/conditions.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { jsonEqual } from '../../shared/machinery/json.ts';
import { formatTime } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';
import type { Environment, Informers } from './informers.ts';
import { thisObject, unlessGone, unlessNotFound } from './requests.ts';
import { SyncedController } from './synced-controller.ts';

export type AnyKind = KindRef<KubernetesObject>;

/** What is left of one kind after its objects have been asked to go. */
export interface Remainder {
  /** `pods`, `deployments.apps` */
  resource: string;
  count: number;
  finalizers: ReadonlyMap<string, number>;
}

/** On every namespace until this controller has emptied it. */
const FINALIZER = 'kubernetes';

/** Objects asked for, and deleted, at a time. */
const PAGE_SIZE = 500;
const DELETES_IN_FLIGHT = 16;

/** Pods end in their own time; until then the namespace is looked at again after this. */
const LOOK_AGAIN_MS = 1_000;

const CONCURRENCY = 4;

export function createNamespaceController(
  environment: Environment,
  informers: Informers,
  kinds: readonly AnyKind[],
): Component {
  const namespaced = kinds.filter((kind) => kind.namespaced);
  const controller = new SyncedController({
    ...environment,
    name: 'namespace',
    concurrency: CONCURRENCY,
    informers: [informers.namespaces],
    reconcile: async (key) => {
      const namespace = informers.namespaces.get(key);
      if (namespace?.metadata.deletionTimestamp === undefined) return {};
      return emptyNamespace(environment, namespace, namespaced);
    },
  });
  informers.namespaces.onChange((key) => controller.enqueue(key));
  return controller;
}

async function emptyNamespace(
  { client, clock }: Environment,
  { metadata: { name, uid } }: Namespace,
  kinds: readonly AnyKind[],
): Promise<ReconcileResult> {
  const namespace = await getNamespace(client, name);
  if (namespace === undefined || namespace.metadata.uid !== uid) return {};
  const finalizers = namespace.spec.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return {};
  const remainders: Remainder[] = [];
  for (const kind of kinds) remainders.push(await deleteAll(client, kind, name));
  const left = remainders.filter((remainder) => remainder.count > 0);
  const conditions = computeDeletionConditions(namespace.status.conditions, left, formatTime(clock.nowMs()));
  if (left.length > 0) {
    if (!jsonEqual(conditions, namespace.status.conditions)) await writeConditions(client, namespace, conditions);
    return { requeueAfterMs: LOOK_AGAIN_MS };
  }
  const spec = { finalizers: finalizers.filter((finalizer) => finalizer !== FINALIZER) };
  await unlessNotFound(client.update(NamespaceKind, { ...namespace, spec }, 'finalize'));
  return {};
}

async function getNamespace(client: Client, name: string): Promise<Namespace | undefined> {
  try {
    return await client.get(NamespaceKind, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Asks every object of the kind to go and says what is still there. */
async function deleteAll(client: Client, kind: AnyKind, namespace: string): Promise<Remainder> {
  const { items } = await client.list(kind, { namespace, limit: PAGE_SIZE });
  for (let start = 0; start < items.length; start += DELETES_IN_FLIGHT) {
    const batch = items.slice(start, start + DELETES_IN_FLIGHT).filter((object) => !isGoing(object));
    await Promise.all(batch.map((object) => deleteObject(client, kind, object)));
  }
  const left = items.length === 0 ? [] : (await client.list(kind, { namespace, limit: PAGE_SIZE })).items;
  return { resource: kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`, ...count(left) };
}

function isGoing({ metadata }: KubernetesObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function deleteObject(client: Client, kind: AnyKind, { metadata }: KubernetesObject): Promise<void> {
  const { namespace, name } = metadata;
  const options = { propagationPolicy: 'Background' as const, ...thisObject(metadata) };
  return unlessGone(client.delete(kind, { namespace, name }, options));
}

function count(objects: readonly KubernetesObject[]): Pick<Remainder, 'count' | 'finalizers'> {
  const finalizers = new Map<string, number>();
  for (const finalizer of objects.flatMap((object) => object.metadata.finalizers ?? [])) {
    finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
  }
  return { count: objects.length, finalizers };
}

async function writeConditions(client: Client, namespace: Namespace, conditions: NamespaceCondition[]): Promise<void> {
  const { name, uid } = namespace.metadata;
  const body = { metadata: { uid }, status: { conditions } };
  await unlessNotFound(client.patch(NamespaceKind, { name }, { type: 'merge', subresource: 'status', body }));
}

/** Kubernetes' words for what holds a deletion up. Pure; `now` is RFC 3339. */
export function computeDeletionConditions(
  present: readonly NamespaceCondition[] | undefined,
  left: readonly Remainder[],
  now: string,
): NamespaceCondition[] {
  const content = left.map(({ resource, count: number }) => `${resource} has ${number} resource instances`);
  const held = new Map<string, number>();
  for (const { finalizers } of left) {
    for (const [name, number] of finalizers) held.set(name, (held.get(name) ?? 0) + number);
  }
  const holders = [...held].map(([name, number]) => `${name} in ${number} resource instances`);
  const conditions: NamespaceCondition[] = [
    {
      type: 'NamespaceDeletionContentFailure',
      status: 'False',
      reason: 'ContentDeleted',
      message: 'All content successfully deleted, may be waiting on finalization',
    },
    content.length === 0
      ? condition('NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed')
      : condition(
          'NamespaceContentRemaining',
          'SomeResourcesRemain',
          `Some resources are remaining: ${content.join(', ')}`,
        ),
    holders.length === 0
      ? condition(
          'NamespaceFinalizersRemaining',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        )
      : condition(
          'NamespaceFinalizersRemaining',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${holders.join(', ')}`,
        ),
  ];
  return conditions.reduce((all, next) => setCondition(all, next, now), [...(present ?? [])]);
}

function condition(type: string, reason: string, message: string): NamespaceCondition {
  const isLeft = reason.startsWith('Some');
  return { type, status: isLeft ? 'True' : 'False', reason, message };
}
