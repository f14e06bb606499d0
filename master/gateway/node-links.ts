/**
 * Which nodes are connected, turned into Leases that controllers can watch: `kube-node-lease/<node>` with the annotation
 * `bramble.dev/link`. Invariant: after the last event the Lease says what the broker knows; states are compared, so that
 * lost, doubled or late messages do no harm.
 */
import { type Lease, LeaseKind } from '../../shared/api/lease.ts';
import { type Node, NodeKind } from '../../shared/api/node.ts';
import type { Client } from '../../shared/client/client.ts';
import { Controller, type ReconcileResult } from '../../shared/client/controller.ts';
import { Informer } from '../../shared/client/informer.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { type Clock, formatMicroTime, type Timer } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { type NodeStatusMessage, nodeClientId, parseTopic, topics } from '../../shared/protocol/topics.ts';
import type { Message, Unsubscribe } from '../../shared/protocol/transport.ts';
import type { Session, Sessions } from '../broker/sessions.ts';
import { nodeNameOf } from '../broker/topic-rules.ts';

export const LEASE_NAMESPACE = 'kube-node-lease';
export const LINK_ANNOTATION = 'bramble.dev/link';

/** After its start the master gives nodes this long to come back before those that did not are marked down. */
export const START_GRACE_MS = 10_000;

/** How soon to look again while the nodes are not listed yet. */
const NOT_SYNCED_RETRY_MS = 200;

/** Only for readers that judge leases by their age; ours go by the annotation. */
const LEASE_DURATION_SECONDS = 40;

export interface NodeLinksOptions {
  sessions: Sessions;
  /** With the rights of a master: writes Leases in kube-node-lease, watches Nodes. */
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  graceMs?: number;
}

export type LinkListener = (node: string, up: boolean) => void;

export interface NodeLinks extends Component {
  isUp(node: string): boolean;
  onChange(listener: LinkListener): Unsubscribe;
}

/** What the broker knows of one node. */
interface LinkState {
  connected: boolean;
  /** Session that said it is online; an old session's late will names another one. */
  session: string | undefined;
}

export function createNodeLinks(options: NodeLinksOptions): NodeLinks {
  return new Links(options);
}

class Links implements NodeLinks {
  readonly #options: NodeLinksOptions;
  readonly #controller: Controller;
  readonly #nodes: Informer<Node>;
  readonly #states = new Map<string, LinkState>();
  readonly #listeners = new Set<LinkListener>();
  #unsubscribe: Unsubscribe[] = [];
  /** Set until the grace after the start is over. */
  #grace: Timer | undefined;

  constructor(options: NodeLinksOptions) {
    this.#options = options;
    const { client, clock, random, logger } = options;
    const reconcile = (node: string) => this.#reconcile(node);
    this.#controller = new Controller({ name: 'node-links', concurrency: 4, reconcile, clock, random, logger });
    this.#nodes = new Informer({ client, kind: NodeKind, clock, random, logger });
    this.#nodes.onChange((node, current, previous) => {
      const cameOrWent = current === undefined || previous === undefined;
      if (cameOrWent && (this.#grace === undefined || this.isUp(node))) this.#controller.enqueue(node);
    });
  }

  async start(): Promise<void> {
    const { sessions, clock, graceMs = START_GRACE_MS } = this.#options;
    this.#grace = clock.after(graceMs, () => this.#onGraceOver());
    await this.#nodes.start();
    await this.#controller.start();
    this.#unsubscribe.push(
      sessions.onSession({
        connected: (session) => this.#onSession(session, true),
        disconnected: (session) => this.#onSession(session, false),
      }),
    );
    const onMessage = (message: Message): void => this.#onStatus(message);
    this.#unsubscribe.push(await sessions.transport().subscribe(topics.nodeStatus('+'), onMessage));
  }

  async stop(): Promise<void> {
    this.#grace?.cancel();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    await this.#nodes.stop();
    await this.#controller.stop();
  }

  isUp(node: string): boolean {
    const state = this.#states.get(node);
    return state?.connected === true && state.session !== undefined;
  }

  onChange(listener: LinkListener): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #onSession({ clientId, identity }: Session, connected: boolean): void {
    const node = nodeNameOf(identity);
    if (node === undefined || clientId !== nodeClientId(node)) return;
    this.#change(node, { connected, session: undefined });
  }

  #onStatus({ topic, payload }: Message): void {
    const node = parseTopic(topic)?.owner;
    const status = parseStatus(payload);
    if (node === undefined || status === undefined) return;
    const state = this.#states.get(node) ?? { connected: false, session: undefined };
    if (status.online) this.#change(node, { ...state, session: status.session });
    else if (status.session === state.session) this.#change(node, { ...state, session: undefined });
  }

  #change(node: string, state: LinkState): void {
    const wasUp = this.isUp(node);
    this.#states.set(node, state);
    const up = this.isUp(node);
    if (up === wasUp) return;
    this.#options.logger.info(up ? 'a node is connected' : 'the link to a node is down', { node });
    for (const listener of [...this.#listeners]) listener(node, up);
    this.#controller.enqueue(node);
  }

  /** Nodes of the store that did not come back have no event of their own. */
  #onGraceOver(): void {
    this.#grace = undefined;
    for (const { metadata } of this.#nodes.list()) this.#controller.enqueue(metadata.name);
  }

  async #reconcile(node: string): Promise<ReconcileResult | undefined> {
    if (!this.#nodes.hasSynced) return { requeueAfterMs: NOT_SYNCED_RETRY_MS };
    const lease = await this.#getLease(node);
    const up = this.isUp(node);
    const isRegistered = this.#nodes.get(node) !== undefined;
    // An agent connects before it registers its node; a node that was removed leaves nothing behind.
    if (up || isRegistered) await this.#writeLease(node, lease, up ? 'up' : 'down');
    else await this.#forget(node, lease);
    return undefined;
  }

  async #writeLease(node: string, lease: Lease | undefined, link: 'up' | 'down'): Promise<void> {
    const { client, clock } = this.#options;
    if (lease?.metadata.annotations?.[LINK_ANNOTATION] === link) return;
    const annotations = { ...lease?.metadata.annotations, [LINK_ANNOTATION]: link };
    const spec = {
      holderIdentity: node,
      leaseDurationSeconds: LEASE_DURATION_SECONDS,
      renewTime: formatMicroTime(clock.nowMs()),
    };
    if (lease !== undefined) {
      await client.update(LeaseKind, { ...lease, metadata: { ...lease.metadata, annotations }, spec });
    } else {
      await client.create(LeaseKind, { metadata: { namespace: LEASE_NAMESPACE, name: node, annotations }, spec });
    }
  }

  async #forget(node: string, lease: Lease | undefined): Promise<void> {
    if (lease !== undefined) await this.#options.client.delete(LeaseKind, { namespace: LEASE_NAMESPACE, name: node });
    if (this.#states.get(node)?.connected === false) this.#states.delete(node);
  }

  async #getLease(node: string): Promise<Lease | undefined> {
    try {
      return await this.#options.client.get(LeaseKind, { namespace: LEASE_NAMESPACE, name: node });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

/** Undefined: not what the contract says. */
function parseStatus(payload: Uint8Array): NodeStatusMessage | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    if (typeof value !== 'object' || value === null || !('online' in value) || !('session' in value)) return undefined;
    const { online, session } = value;
    return typeof online === 'boolean' && typeof session === 'string' ? { online, session } : undefined;
  } catch {
    return undefined;
  }
}
