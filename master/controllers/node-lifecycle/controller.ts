/**
 * The node lifecycle controller: says when a node is out of reach, keeps pods away from nodes that cannot serve them and
 * moves those that do not bear it. It never polls: a link that goes down is a change of a Lease.
 */
import type { Lease } from '../../../shared/api/lease.ts';
import { type Node, NodeKind } from '../../../shared/api/node.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { type Executors, executeAll } from '../actions.ts';
import { BY_NODE, type Environment, type Informers } from '../informers.ts';
import { OwnWrites } from '../own-writes.ts';
import { thisObject, unlessGone } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { LEASE_NAMESPACE } from './health.ts';
import { computeNodePlan, type NodeActions } from './plan.ts';

const CONCURRENCY = 8;

export class NodeLifecycleController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  readonly #writes: OwnWrites;
  #startedMs = 0;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#writes = new OwnWrites(environment.clock);
    this.#events = createEventRecorder({ ...environment, component: 'node-controller' });
    this.#controller = new SyncedController({
      ...environment,
      name: 'node-lifecycle',
      concurrency: CONCURRENCY,
      informers: [informers.nodes, informers.leases, informers.pods],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.nodes.onChange((key) => this.#controller.enqueue(key));
    informers.leases.onChange((_key, current, previous) => this.#onLease(current ?? previous));
    informers.pods.onChange((_key, current, previous) => this.#onPod(current, previous));
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

  /** A pod that came to a node which drives pods away. */
  #onPod(current: Pod | undefined, previous: Pod | undefined): void {
    const nodeName = current?.spec.nodeName;
    if (!nodeName || previous?.spec.nodeName === nodeName) return;
    const node = this.#informers.nodes.get(nodeName);
    if (node?.spec.taints?.some((taint) => taint.effect === 'NoExecute')) this.#controller.enqueue(nodeName);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const node = this.#informers.nodes.get(key);
    if (node === undefined) {
      this.#writes.forget(key);
      return {};
    }
    const lagMs = this.#writes.lagMs(key, node.metadata.resourceVersion);
    if (lagMs > 0) return { requeueAfterMs: lagMs };
    const { actions, requeueAfterMs } = computeNodePlan({
      node,
      lease: this.#informers.leases.get(`${LEASE_NAMESPACE}/${key}`),
      pods: this.#informers.pods.byIndex(BY_NODE, key),
      startedMs: this.#startedMs,
      nowMs: this.#environment.clock.nowMs(),
    });
    await executeAll(this.#executors(), actions);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
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
    };
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
