/**
 * Keeps the fragments of policies in the table. Pods and namespaces of the whole cluster are only asked for once there is a
 * policy: a cluster without policies costs a node nothing.
 */
import type { Namespace } from '../../../shared/api/namespace.ts';
import type { NetworkPolicy } from '../../../shared/api/network-policy.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { Controller, type ReconcileResult } from '../../../shared/client/controller.ts';
import type { Informer } from '../../../shared/client/informer.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { Fragment } from '../ruleset/ruleset.ts';
import { computePolicyFragments } from './compute-policies.ts';
import { renderWorld } from './policy-world.ts';

export interface PolicyWatchOptions {
  policies: Informer<NetworkPolicy>;
  pods: Informer<Pod>;
  namespaces: Informer<Namespace>;
  ownNodes(): ReadonlySet<string>;
  /** undefined: the owner has nothing any more. */
  put(owner: string, fragment: Fragment | undefined): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Changes within this time are computed as one. */
const GATHER_MS = 20;

const KEY = 'policies';

export class PolicyWatch implements Component {
  readonly #options: PolicyWatchOptions;
  readonly #controller: Controller;
  readonly #owners = new Map<string, string>();
  #hasWorld = false;

  constructor(options: PolicyWatchOptions) {
    this.#options = options;
    const { policies, pods, namespaces, clock, random, logger } = options;
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'network-policies', reconcile, clock, random, logger });
    for (const informer of [policies, namespaces]) informer.onChange(() => this.lookAgain());
    pods.onChange((_key, current, previous) => {
      if (idOf(current) !== idOf(previous)) this.lookAgain();
    });
  }

  async start(): Promise<void> {
    await startAll([this.#controller, this.#options.policies]);
  }

  async stop(): Promise<void> {
    const { policies, pods, namespaces } = this.#options;
    await stopAll([...(this.#hasWorld ? [pods, namespaces] : []), policies, this.#controller]);
  }

  lookAgain(): void {
    this.#controller.enqueueAfter(KEY, GATHER_MS);
  }

  async #reconcile(): Promise<ReconcileResult> {
    const { policies, pods, namespaces, ownNodes } = this.#options;
    if (!policies.hasSynced) return {};
    if (policies.list().length > 0 && !this.#hasWorld) await this.#openWorld();
    if (this.#hasWorld && !(pods.hasSynced && namespaces.hasSynced)) return {};
    const world = renderWorld(pods.list(), namespaces.list(), ownNodes());
    this.#tell(computePolicyFragments(policies.list(), world));
    return {};
  }

  async #openWorld(): Promise<void> {
    const { pods, namespaces } = this.#options;
    this.#hasWorld = true;
    await startAll([pods, namespaces]);
    void Promise.all([pods.whenSynced(), namespaces.whenSynced()]).then(() => this.lookAgain());
  }

  /** Policies first: a pod's chain names theirs. */
  #tell(fragments: ReadonlyMap<string, Fragment>): void {
    const { put } = this.#options;
    for (const owner of [...this.#owners.keys()]) {
      if (fragments.has(owner)) continue;
      this.#owners.delete(owner);
      put(owner, undefined);
    }
    for (const [owner, fragment] of fragments) {
      const id = JSON.stringify([[...fragment.chains], fragment.sets, fragment.elements]);
      if (this.#owners.get(owner) === id) continue;
      this.#owners.set(owner, id);
      put(owner, fragment);
    }
  }
}

/** What of a pod policies look at. */
function idOf(pod: Pod | undefined): string {
  if (pod === undefined) return '';
  const { phase, podIP, podIPs } = pod.status;
  return JSON.stringify([pod.metadata.labels, pod.spec.nodeName, phase, podIP, podIPs]);
}
