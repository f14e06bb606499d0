/**
 * The node lifecycle controller: says when a node is out of reach, keeps pods away from nodes that cannot serve them and
 * moves those that do not bear it. It never polls: a link that goes down is a change of a Lease.
 */
import type { DaemonSet } from '../../../shared/api/daemon-set.ts';
import type { Lease } from '../../../shared/api/lease.ts';
import { type Node, NodeKind } from '../../../shared/api/node.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { type Executors, executeAll } from '../actions.ts';
import type { ControllerSettings } from '../controller-settings.ts';
import { BY_NODE, type Environment, type Informers } from '../informers.ts';
import { OwnWrites } from '../own-writes.ts';
import { thisObject, unlessGone } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeLink, LEASE_NAMESPACE, type Link } from './health.ts';
import { LinkHistory } from './link-history.ts';
import { computeNodePlan, type NodeActions, type NodeHistory } from './plan.ts';
import { computeDoubt, doubtForMs } from './self-doubt.ts';

const CONCURRENCY = 8;

export class NodeLifecycleController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  readonly #writes: OwnWrites;
  readonly #settings: ControllerSettings;
  readonly #history = new LinkHistory();
  /** Since when the master doubts itself; monotonic. */
  #doubtSinceMs: number | undefined;
  #startedMs = 0;

  constructor(environment: Environment, informers: Informers, settings: ControllerSettings) {
    this.#environment = environment;
    this.#settings = settings;
    settings.onChange(() => this.#enqueueAll());
    this.#informers = informers;
    this.#writes = new OwnWrites(environment.clock);
    this.#events = createEventRecorder({ ...environment, component: 'node-controller' });
    this.#controller = new SyncedController({
      ...environment,
      name: 'node-lifecycle',
      concurrency: CONCURRENCY,
      informers: [informers.nodes, informers.leases, informers.pods, informers.daemonSets],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.nodes.onChange((key) => this.#controller.enqueue(key));
    informers.leases.onChange((_key, current, previous) => this.#onLease(current ?? previous));
    informers.pods.onChange((_key, current, previous) => this.#onPod(current, previous));
    informers.daemonSets.onChange((_key, current, previous) => this.#onDaemonSet(current, previous));
  }

  start(): Promise<void> {
    this.#startedMs = this.#environment.clock.nowMs();
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onLease(lease: Lease | undefined): void {
    if (lease?.metadata.namespace === LEASE_NAMESPACE) this.#controller.enqueue(lease.metadata.name);
  }

  /** A pod that came to a node which drives pods away, or was deleted on one that cannot be reached. */
  #onPod(current: Pod | undefined, previous: Pod | undefined): void {
    const nodeName = current?.spec.nodeName;
    if (!nodeName) return;
    const isNew = previous?.spec.nodeName !== nodeName;
    const isLeaving = current?.metadata.deletionTimestamp !== undefined && !previous?.metadata.deletionTimestamp;
    if (!isNew && !isLeaving) return;
    const { taints = [] } = this.#informers.nodes.get(nodeName)?.spec ?? {};
    const isLost = this.#history.downSinceMs(nodeName) !== undefined;
    if (isLost || taints.some((taint) => taint.effect === 'NoExecute')) this.#controller.enqueue(nodeName);
  }

  /** Nobody waits any more for what it has left on lost nodes. */
  #onDaemonSet(current: DaemonSet | undefined, previous: DaemonSet | undefined): void {
    if (current?.metadata.uid === previous?.metadata.uid && current?.metadata.deletionTimestamp === undefined) return;
    for (const { metadata } of this.#informers.nodes.list()) {
      if (this.#history.downSinceMs(metadata.name) !== undefined) this.#controller.enqueue(metadata.name);
    }
  }

  /** A set that is there makes another daemon for the node that lost one; one that is being deleted does not. */
  #isBoundToReturn({ metadata }: Pod): boolean {
    const owner = controllerOf({ metadata });
    if (owner?.kind !== 'DaemonSet') return false;
    const set = this.#informers.daemonSets.get(`${metadata.namespace}/${owner.name}`);
    return set?.metadata.uid === owner.uid && set.metadata.deletionTimestamp === undefined;
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const node = this.#informers.nodes.get(key);
    if (node === undefined) {
      this.#writes.forget(key);
      this.#history.forget(key);
      return {};
    }
    const lagMs = this.#writes.lagMs(key, node.metadata.resourceVersion);
    if (lagMs > 0) return { requeueAfterMs: lagMs };
    const lease = this.#informers.leases.get(`${LEASE_NAMESPACE}/${key}`);
    const seen = { node, lease, startedMs: this.#startedMs, nowMs: this.#environment.clock.nowMs() };
    const { history, changesInMs } = this.#remember(key, computeLink(seen));
    const pods = this.#informers.pods.byIndex(BY_NODE, key);
    const { actions, requeueAfterMs } = computeNodePlan({
      ...{ ...seen, pods, history },
      isBoundToReturn: (pod) => this.#isBoundToReturn(pod),
    });
    await executeAll(this.#executors(), actions);
    const waits = [requeueAfterMs, ...changesInMs].filter((wait) => wait !== undefined);
    return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
  }

  /** Takes in what the link is, and says what is known of the node beside it. */
  #remember(key: string, { state }: Link): { history: NodeHistory; changesInMs: (number | undefined)[] } {
    const { nodeLifecycle: settings } = this.#settings;
    const nowMs = this.#environment.clock.monotonicMs();
    const wasDown = this.#history.downSinceMs(key) !== undefined;
    if (state !== 'unknown') this.#history.note(key, state === 'up', nowMs);
    const downSinceMs = this.#history.downSinceMs(key);
    if (wasDown !== (downSinceMs !== undefined)) this.#doubt(nowMs);
    const doubtMs = doubtForMs(this.#doubtSinceMs, nowMs, settings);
    const restlessMs = this.#history.dampedForMs(key, nowMs);
    const dampedMs = restlessMs !== undefined && this.#isDampingFair(nowMs) ? restlessMs : undefined;
    return {
      history: {
        isDamped: dampedMs !== undefined,
        isDoubted: doubtMs > 0,
        downForMs: downSinceMs === undefined ? 0 : nowMs - downSinceMs,
        deadPodMs: settings.deadPodMs,
      },
      changesInMs: [dampedMs, doubtMs > 0 && downSinceMs !== undefined ? doubtMs : undefined],
    };
  }

  #doubt(nowMs: number): void {
    const { nodeLifecycle: settings } = this.#settings;
    const before = this.#doubtSinceMs;
    this.#doubtSinceMs = computeDoubt(this.#history.census(), before, { nowMs, settings });
    if ((before === undefined) === (this.#doubtSinceMs === undefined)) return;
    const { logger } = this.#environment;
    if (before !== undefined) logger.info('nodes are back: the master trusts itself again');
    else logger.warn('most nodes vanished at once: the master doubts itself and moves no pods for now');
    this.#enqueueAll();
  }

  /** When most nodes are restless it is not they: then none is damped, or no pod would find a place. */
  #isDampingFair(nowMs: number): boolean {
    const names = this.#history.names();
    return names.filter((name) => this.#history.dampedForMs(name, nowMs) !== undefined).length * 2 <= names.length;
  }

  #enqueueAll(): void {
    for (const { metadata } of this.#informers.nodes.list()) this.#controller.enqueue(metadata.name);
  }

  #executors(): Executors<NodeActions> {
    const { client } = this.#environment;
    return {
      setConditions: async ({ node, conditions }) => {
        const { name, uid, resourceVersion } = node.metadata;
        const body = { metadata: { uid }, status: { conditions } };
        await client.patch(NodeKind, { name }, { type: 'strategic', subresource: 'status', body });
        this.#writes.note(name, resourceVersion);
        const message = `Node ${name} status is now: NodeNotReady`;
        this.#events.event(subjectOf(NodeKind, node), 'Normal', 'NodeNotReady', message);
      },
      setTaints: async ({ node, taints }) => {
        // The list is replaced as a whole, so it must have been made from the state that is there.
        const { name, uid, resourceVersion } = node.metadata;
        const body = { metadata: { uid, resourceVersion }, spec: { taints } };
        await client.patch(NodeKind, { name }, { type: 'merge', body });
        this.#writes.note(name, resourceVersion);
      },
      setPodNotReady: ({ pod }) => this.#setPodNotReady(pod),
      evict: ({ pod, node }) => this.#evict(pod, node),
      finish: ({ pod, node }) => this.#finish(pod, node),
    };
  }

  /** Should the node be alive after all, it finds the uid unknown and ends the pod. */
  async #finish(pod: Pod, node: Node): Promise<void> {
    const { namespace, name } = pod.metadata;
    const options = { gracePeriodSeconds: 0, ...thisObject(pod.metadata) };
    await unlessGone(this.#environment.client.delete(PodKind, { namespace, name }, options));
    const message = `The master has finished the deletion: node ${node.metadata.name} is out of reach`;
    this.#events.event(subjectOf(PodKind, pod), 'Warning', 'FinishedDeadPod', message);
  }

  /** The kubelet says otherwise when the link is back. */
  async #setPodNotReady(pod: Pod): Promise<void> {
    const { client, clock } = this.#environment;
    const { namespace, name, uid } = pod.metadata;
    const lastTransitionTime = formatTime(clock.nowMs());
    const conditions = [{ type: 'Ready', status: 'False', reason: 'NodeNotReady', lastTransitionTime }];
    const body = { metadata: { uid }, status: { conditions } };
    await unlessGone(client.patch(PodKind, { namespace, name }, { type: 'strategic', subresource: 'status', body }));
    this.#events.event(subjectOf(PodKind, pod), 'Warning', 'NodeNotReady', 'Node is not ready');
  }

  async #evict(pod: Pod, node: Node): Promise<void> {
    const { namespace, name } = pod.metadata;
    await unlessGone(this.#environment.client.delete(PodKind, { namespace, name }, thisObject(pod.metadata)));
    const message = `Marking for deletion Pod ${namespace}/${name}: node ${node.metadata.name} drives it away`;
    this.#events.event(subjectOf(PodKind, pod), 'Normal', 'TaintManagerEviction', message);
  }
}
