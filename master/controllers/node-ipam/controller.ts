/**
 * The node IPAM controller: gives every node its slice of the pod range, and tells it the ranges of the cluster. The truth is
 * what the Nodes say. Invariant: no slice is given twice: one node is handled at a time, and what was given and is not shown
 * yet counts as taken.
 */
import { type Node, NodeKind } from '../../../shared/api/node.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeNodePlan, type NetworkRanges, slicesOf } from './plan.ts';

export class NodeIpamController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #ranges: NetworkRanges;
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  /** By node: given, and not yet shown by the informer. */
  readonly #given = new Map<string, readonly string[]>();

  constructor(environment: Environment, informers: Informers, ranges: NetworkRanges) {
    this.#environment = environment;
    this.#informers = informers;
    this.#ranges = ranges;
    this.#events = createEventRecorder({ ...environment, component: 'node-ipam' });
    this.#controller = new SyncedController({
      ...environment,
      name: 'node-ipam',
      informers: [informers.nodes],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.nodes.onChange((key, current) => this.#onNode(key, current));
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onNode(key: string, current: Node | undefined): void {
    if (current === undefined || slicesOf(current).length > 0) this.#given.delete(key);
    this.#controller.enqueue(key);
    // Room was made: whoever waits for a slice may look again.
    if (current === undefined) for (const node of this.#waiting()) this.#controller.enqueue(node.metadata.name);
  }

  #waiting(): Node[] {
    return this.#informers.nodes.list().filter((node) => slicesOf(node).length === 0);
  }

  async #reconcile(key: string): Promise<void> {
    const node = this.#informers.nodes.get(key);
    if (node === undefined) return;
    const { podCidrs, annotations, problem } = computeNodePlan(node, this.#takenByOthers(key), this.#ranges);
    if (problem !== undefined)
      this.#events.event(subjectOf(NodeKind, node), 'Warning', problem.reason, problem.message);
    if (podCidrs === undefined && Object.keys(annotations).length === 0) return;
    await this.#write(node, podCidrs && (this.#given.get(key) ?? podCidrs), annotations);
  }

  #takenByOthers(key: string): string[] {
    const shown = this.#informers.nodes.list().filter(({ metadata }) => metadata.name !== key);
    const given = [...this.#given].filter(([name]) => name !== key);
    return [...shown.flatMap(slicesOf), ...given.flatMap(([, slices]) => slices)];
  }

  async #write(
    { metadata: { name, uid } }: Node,
    podCidrs: readonly string[] | undefined,
    annotations: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { client, logger } = this.#environment;
    // A write that fails may have been carried out: the slice stays the node's, and the next attempt writes the same.
    if (podCidrs !== undefined) this.#given.set(name, podCidrs);
    const spec = podCidrs === undefined ? {} : { spec: { podCIDR: podCidrs[0] ?? '', podCIDRs: [...podCidrs] } };
    const body = { metadata: { uid, annotations }, ...spec };
    await unlessNotFound(client.patch(NodeKind, { name }, { type: 'merge', body }));
    if (podCidrs !== undefined) logger.info('gave a node its slice of the pod range', { node: name, podCidrs });
  }
}
