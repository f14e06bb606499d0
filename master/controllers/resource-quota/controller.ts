/**
 * The quota controller: shows in each quota's status what is used. What is refused does not depend on it: the API server
 * counts for itself.
 */
import { isTakenBy, limitedNames } from '../../../shared/api/quota/usage.ts';
import { type ResourceQuota, ResourceQuotaKind } from '../../../shared/api/resource-quota.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { keyOf } from '../../../shared/client/informer.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Kind } from '../../../shared/schema/define-kind.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeQuotaUsage } from './usage.ts';

/** Changes within this time become one write of a quota: a burst of pods does not write its count each time. */
const GATHER_MS = 250;

export class ResourceQuotaController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #kinds: readonly Kind[];
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers, kinds: readonly Kind[]) {
    this.#environment = environment;
    this.#informers = informers;
    // What is kept in memory only is nothing that anybody counts.
    this.#kinds = kinds.filter(({ namespaced, durability }) => namespaced && durability === undefined);
    this.#controller = new SyncedController({
      ...environment,
      name: 'resource-quota',
      informers: [informers.resourceQuotas, ...this.#kinds.map((kind) => informers.of(kind))],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.resourceQuotas.onChange((key) => this.#controller.enqueue(key));
    for (const kind of this.#kinds) {
      informers.of(kind).onChange((_key, current, previous) => this.#onObject(kind, current ?? previous));
    }
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  #onObject(kind: Kind, object: KubernetesObject | undefined): void {
    for (const quota of this.#informers.resourceQuotas.list(object?.metadata.namespace)) {
      const isConcerned = limitedNames(quota).some((name) => isTakenBy(kind, name));
      if (isConcerned) this.#controller.enqueueAfter(keyOf(quota), GATHER_MS);
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { client, clock } = this.#environment;
    const quota = this.#informers.resourceQuotas.get(key);
    if (quota === undefined) return {};
    const { status, lookAgainMs } = this.#compute(quota, clock.nowMs());
    if (!jsonEqual(status, quota.status)) {
      await unlessNotFound(client.update(ResourceQuotaKind, { ...quota, status }, 'status'));
    }
    return lookAgainMs === undefined ? {} : { requeueAfterMs: lookAgainMs };
  }

  #compute(quota: ResourceQuota, nowMs: number) {
    const { namespace } = quota.metadata;
    const objectsOf = (kind: Kind) => this.#informers.of(kind).list(namespace);
    return computeQuotaUsage(quota, { kinds: this.#kinds, objectsOf, nowMs });
  }
}
