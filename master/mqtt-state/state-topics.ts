/**
 * Tells the house what the cluster is like: state topics, alerts, events and Home Assistant's discovery, from informers of its
 * own. Invariants: nothing is looked at before the first client is there that could listen; a topic is written when what it
 * says changes, and cleared when its object goes.
 */
import { type Deployment, DeploymentKind } from '../../shared/api/deployment.ts';
import { type Event, EventKind } from '../../shared/api/event.ts';
import { type Node, NodeKind } from '../../shared/api/node.ts';
import { type NodeSensors, NodeSensorsKind } from '../../shared/api/node-sensors.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import type { Client, KindRef } from '../../shared/client/client.ts';
import { Informer, parseKey } from '../../shared/client/informer.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { CLI_CLIENT_PREFIX, topics } from '../../shared/protocol/topics.ts';
import type { Unsubscribe } from '../../shared/protocol/transport.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';
import type { Session, Sessions } from '../broker/sessions.ts';
import { NODES_GROUP } from '../broker/topic-rules.ts';
import { type AlertSource, renderAlert, topicOfAlert } from './alerts.ts';
import {
  deploymentDiscoveryTopic,
  nodeDiscoveryTopic,
  renderDeploymentDiscovery,
  renderNodeDiscovery,
} from './discovery.ts';
import { RetainedTopics } from './retained-topics.ts';
import { computeDeploymentState, computeEvent, computeNodeState, computePodState, type NodeState } from './state.ts';
import { steadyNodeState } from './steady.ts';

export interface StateTopicsOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  sessions: Sessions;
  /** First level of Home Assistant's discovery topics; undefined: nothing is told there. */
  discoveryPrefix?: string | undefined;
}

/** Changes that come together make one message. */
const GATHER_MS = 250;

/** Events that are told in a gathering; a flood says nothing to a house. */
const MAX_EVENTS = 100;

const INDEX_BY_NODE = 'node';

export class StateTopics implements Component {
  readonly #options: StateTopicsOptions;
  readonly #topics: RetainedTopics;
  readonly #nodes: Informer<Node>;
  readonly #sensors: Informer<NodeSensors>;
  readonly #pods: Informer<Pod>;
  readonly #deployments: Informer<Deployment>;
  readonly #events: Informer<Event>;
  readonly #nodeStates = new Map<string, NodeState>();
  readonly #changed = { nodes: new Set<string>(), pods: new Set<string>(), deployments: new Set<string>() };
  #newEvents: Event[] = [];
  #timer: Timer | undefined;
  #unlisten: Unsubscribe | undefined;
  #begun: Promise<void> | undefined;
  #alerts: AlertSource | undefined;
  #ended = false;

  constructor(options: StateTopicsOptions) {
    this.#options = options;
    this.#topics = new RetainedTopics((topic, payload) => this.#publish(topic, payload, true));
    this.#nodes = this.#createInformer(NodeKind);
    this.#sensors = this.#createInformer(NodeSensorsKind);
    this.#pods = this.#createInformer(PodKind);
    this.#deployments = this.#createInformer(DeploymentKind);
    this.#events = this.#createInformer(EventKind);
    this.#listen();
  }

  async start(): Promise<void> {
    this.#unlisten = this.#options.sessions.onSession({
      connected: (session) => (mayListen(session) ? this.begin() : undefined),
      disconnected: () => undefined,
    });
  }

  async stop(): Promise<void> {
    this.#ended = true;
    this.#unlisten?.();
    this.#timer?.cancel();
    await this.#begun;
    await stopAll(this.#informers());
  }

  /** Somebody may listen: from now on the topics are kept. */
  begin(): void {
    if (this.#ended) return;
    if (this.#begun !== undefined) return;
    this.#begun = startAll(this.#informers());
    for (const alert of this.#alerts?.firing() ?? []) this.#topics.set(topicOfAlert(alert), renderAlert(alert));
  }

  setAlerts(source: AlertSource): void {
    this.#alerts = source;
    source.onChange(({ type, alert }) => {
      if (this.#begun === undefined || this.#ended) return;
      if (type === 'firing') this.#topics.set(topicOfAlert(alert), renderAlert(alert));
      else this.#topics.clear(topicOfAlert(alert));
    });
  }

  #informers(): Component[] {
    return [this.#nodes, this.#sensors, this.#pods, this.#deployments, this.#events];
  }

  #createInformer<T extends KubernetesObject>(kind: KindRef<T>): Informer<T> {
    const { client, clock, random, logger } = this.#options;
    return new Informer({ client, clock, random, logger, kind });
  }

  #listen(): void {
    const { nodes, pods, deployments } = this.#changed;
    const mark = (keys: Set<string>, key: string): void => {
      keys.add(key);
      this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#sync());
    };
    this.#nodes.onChange((key) => mark(nodes, key));
    this.#sensors.onChange((key) => mark(nodes, key));
    this.#deployments.onChange((key) => mark(deployments, key));
    this.#pods.addIndex(INDEX_BY_NODE, ({ spec }) => (spec.nodeName ? [spec.nodeName] : []));
    this.#pods.onChange((key, current, previous) => {
      mark(pods, key);
      for (const pod of [current, previous]) if (pod?.spec.nodeName) mark(nodes, pod.spec.nodeName);
    });
    this.#events.onChange((_key, current) => {
      // What is there at the start is no news.
      if (current === undefined || !this.#events.hasSynced || this.#newEvents.length >= MAX_EVENTS) return;
      this.#newEvents.push(current);
      this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#sync());
    });
  }

  #sync(): void {
    this.#timer = undefined;
    if (this.#ended) return;
    const { nodes, pods, deployments } = this.#changed;
    for (const name of take(nodes)) this.#syncNode(name);
    for (const key of take(pods)) this.#syncPod(key);
    for (const key of take(deployments)) this.#syncDeployment(key);
    for (const event of this.#newEvents.splice(0)) {
      const topic = topics.events(event.metadata.namespace ?? 'default');
      this.#publish(topic, Buffer.from(JSON.stringify(computeEvent(event))), false);
    }
  }

  #syncNode(name: string): void {
    const { discoveryPrefix } = this.#options;
    const node = this.#nodes.get(name);
    if (node === undefined) {
      this.#nodeStates.delete(name);
      if (discoveryPrefix !== undefined) this.#topics.clear(nodeDiscoveryTopic(discoveryPrefix, name));
      this.#topics.clear(topics.nodeState(name));
      return;
    }
    const active = this.#pods.byIndex(INDEX_BY_NODE, name).filter(isActive).length;
    const computed = computeNodeState(node, this.#sensors.get(name), active);
    const state = steadyNodeState(computed, this.#nodeStates.get(name));
    this.#nodeStates.set(name, state);
    this.#topics.set(topics.nodeState(name), state);
    if (discoveryPrefix !== undefined) {
      this.#topics.set(nodeDiscoveryTopic(discoveryPrefix, name), renderNodeDiscovery(node));
    }
  }

  #syncPod(key: string): void {
    const pod = this.#pods.get(key);
    const { namespace = '', name } = parseKey(key);
    const topic = topics.podState(namespace, name);
    if (pod === undefined) this.#topics.clear(topic);
    else this.#topics.set(topic, computePodState(pod));
  }

  #syncDeployment(key: string): void {
    const { discoveryPrefix } = this.#options;
    const deployment = this.#deployments.get(key);
    const { namespace = '', name } = parseKey(key);
    const topic = topics.deploymentState(namespace, name);
    const discovery = discoveryPrefix && deploymentDiscoveryTopic(discoveryPrefix, { namespace, name });
    if (deployment === undefined) {
      if (discovery) this.#topics.clear(discovery);
      this.#topics.clear(topic);
      return;
    }
    this.#topics.set(topic, computeDeploymentState(deployment));
    if (discovery) this.#topics.set(discovery, renderDeploymentDiscovery(deployment));
  }

  #publish(topic: string, payload: Uint8Array, retain: boolean): void {
    const { sessions, logger } = this.#options;
    sessions
      .transport()
      .publish(topic, payload, { retain })
      .catch((error: unknown) => logger.warn('a state topic was not written', { topic, error }));
  }
}

/** Agents and commands of the command line do not look at these topics. */
function mayListen({ clientId, identity }: Session): boolean {
  return !identity.groups.includes(NODES_GROUP) && !clientId.startsWith(CLI_CLIENT_PREFIX);
}

function isActive({ status }: Pod): boolean {
  return status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

function take(keys: Set<string>): string[] {
  const taken = [...keys];
  keys.clear();
  return taken;
}
