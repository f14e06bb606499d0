/**
 * What a node serves beside running pods, put together: names for its pods, and Ingresses for everybody. Says what the Node
 * object tells of it.
 */
import {
  DEFAULT_CLUSTER_CIDRS,
  DEFAULT_SERVICE_CIDRS,
  NETWORK_ANNOTATIONS,
  splitList,
} from '../shared/api/cluster-network.ts';
import type { Ingress } from '../shared/api/ingress.ts';
import type { IngressClass } from '../shared/api/ingress-class.ts';
import { IngressClassRef, IngressRef, SecretRef } from '../shared/api/kind-refs.ts';
import type { Node } from '../shared/api/node.ts';
import type { NodeCondition } from '../shared/api/node-status.ts';
import type { Secret } from '../shared/api/secret.ts';
import { Informer, parseKey } from '../shared/client/informer.ts';
import { type IpRange, parseRange } from '../shared/machinery/ip-range.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import type { Multicast } from '../shared/protocol/mdns/multicast.ts';
import type { UpstreamDialer } from './dns/forward/dialer.ts';
import type { ResolverFilesSource } from './dns/forward/resolver-files.ts';
import { NodeDns, type OpenListener } from './dns/node-dns.ts';
import type { SecretHandle } from './ingress/certificates.ts';
import { type IngressParts, type IngressPorts, NodeIngress } from './ingress/node-ingress.ts';
import type { ClusterDns } from './kubelet/spec/resolver.ts';
import { LanNames } from './lan-names.ts';
import {
  BY_SERVICE,
  createKeptInformer,
  type ServiceInformers,
  type ServiceInformersOptions,
} from './service-informers.ts';

/** What it is made of on this machine. */
export interface ServingTools {
  dns: { open: OpenListener; dialer: UpstreamDialer; files: ResolverFilesSource };
  ingress: { ports: IngressPorts; load(): Promise<IngressParts> };
  /** Where names of what is served are told; undefined: nowhere. */
  multicast: Multicast | undefined;
}

export interface NodeServingOptions {
  node: string;
  tools: ServingTools;
  /** Of flags: who answers instead of the node itself, where somebody is named; and the cluster's domain. */
  clusterDns: ClusterDns;
  /** The node's copies of what the API says; started and stopped by their owner. */
  services: ServiceInformers;
  nodes: Informer<Node>;
  world: ServiceInformersOptions;
  /** The board's address on the LAN, now. */
  internalIp(): string;
  /** What the Node tells of it has changed. */
  onChange(): void;
}

/** Of a Node: why its pods get no cluster names. */
export const DNS_CONDITION = 'bramble.dev/ClusterDnsUnavailable';

export class NodeServing implements Component {
  /** Whom pods ask. */
  readonly clusterDns: ClusterDns;
  readonly #options: NodeServingOptions;
  readonly #dns: NodeDns;
  readonly #ingress: NodeIngress;
  readonly #ingresses: Informer<Ingress>;
  readonly #classes: Informer<IngressClass>;
  readonly #lanNames: LanNames | undefined;
  #held: readonly string[] = [];

  constructor(options: NodeServingOptions) {
    this.#options = options;
    const { node, tools, services, world, clusterDns, onChange } = options;
    const { kept: _, client: __, ...base } = world;
    const slicesOf = (key: string) => services.endpointSlices.byIndex(BY_SERVICE, key);
    this.#dns = new NodeDns({
      ...{ ...base, ...tools.dns, services: services.services, endpointSlices: services.endpointSlices, slicesOf },
      ...{ domain: clusterDns.domain, onChange },
      ownRanges: () => this.#ownRanges(),
    });
    this.#ingresses = createKeptInformer(IngressRef, world);
    this.#classes = createKeptInformer(IngressClassRef, world);
    this.#ingress = new NodeIngress({
      ...{ ...base, ...tools.ingress, node, ingresses: this.#ingresses, classes: this.#classes },
      source: { service: (key) => services.services.get(key), slices: slicesOf },
      openSecret: (key) => openSecret(world, key),
      onChange: () => {
        this.#lanNames?.lookAgain();
        onChange();
      },
    });
    this.#lanNames = this.#createLanNames();
    const dns = this.#dns;
    this.clusterDns = {
      domain: clusterDns.domain,
      get servers() {
        return clusterDns.servers.length > 0 ? clusterDns.servers : dns.servers;
      },
    };
  }

  start(): Promise<void> {
    return startAll(this.#parts());
  }

  stop(): Promise<void> {
    return stopAll(this.#parts());
  }

  /** Of this node: where its pods reach it, and addresses of load balancers that it holds. */
  setAddresses({ gateways, held }: { gateways: readonly string[]; held: readonly string[] }): void {
    if (this.#options.clusterDns.servers.length === 0) this.#dns.setAddresses(gateways);
    if (held.join() === this.#held.join()) return;
    this.#held = held;
    this.#lanNames?.lookAgain();
  }

  /** The master can be reached again: nothing waits out its pause. */
  retryNow(): void {
    for (const part of [this.#ingresses, this.#classes, this.#ingress]) part.retryNow();
    this.#lanNames?.lookAgain();
  }

  /** What the Node tells of it. */
  facts(): { annotations: Readonly<Record<string, string>>; conditions: NodeCondition[] } {
    const { annotations, conditions } = this.#ingress.facts();
    return { annotations, conditions: [...conditions, renderDnsCondition(this.#dns.problem)] };
  }

  #parts(): Component[] {
    return [this.#dns, ...(this.#lanNames ? [this.#lanNames] : []), this.#ingress, this.#ingresses, this.#classes];
  }

  #createLanNames(): LanNames | undefined {
    const { tools, services, world, internalIp } = this.#options;
    if (tools.multicast === undefined) return undefined;
    const made = new LanNames({
      ...world,
      ...{ multicast: tools.multicast, internalIp },
      held: () => this.#held,
      hosts: () => this.#ingress.hosts,
      services: () => services.services.list(),
    });
    services.services.onChange((_key, current, previous) => {
      if ([current, previous].some((one) => one?.spec.type === 'LoadBalancer')) made.lookAgain();
    });
    return made;
  }

  #ownRanges(): IpRange[] {
    const { annotations = {} } = this.#options.nodes.get(this.#options.node)?.metadata ?? {};
    const [pods, services] = [NETWORK_ANNOTATIONS.clusterCidrs, NETWORK_ANNOTATIONS.serviceCidrs].map((key) =>
      splitList(annotations[key]),
    );
    const texts = [
      ...(pods?.length ? pods : DEFAULT_CLUSTER_CIDRS),
      ...(services?.length ? services : DEFAULT_SERVICE_CIDRS),
    ];
    return texts.flatMap((text) => parseRange(text) ?? []);
  }
}

function renderDnsCondition(problem: string | undefined): NodeCondition {
  const type = DNS_CONDITION;
  if (problem !== undefined) return { type, status: 'True', reason: 'AddressNotFree', message: problem };
  return { type, status: 'False', reason: 'AsWanted', message: 'names are answered on this node' };
}

/** One Secret, followed as long as an Ingress names it, and remembered over a cold boot. */
function openSecret({ kept, ...base }: ServiceInformersOptions, key: string): SecretHandle {
  const { namespace = '', name } = parseKey(key);
  const informer = new Informer<Secret>({
    ...base,
    kind: SecretRef,
    scope: { namespace, fieldSelector: `metadata.name=${name}` },
    seed: () => {
      const known = kept.find(SecretRef, key);
      return known && (known.object === undefined ? [] : [known.object]);
    },
  });
  informer.onChange((_key, current) => kept.keep(SecretRef, key, current));
  void informer.start();
  return {
    get: () => informer.get(key),
    retryNow: () => informer.retryNow(),
    stop: () => informer.stop(),
  };
}
