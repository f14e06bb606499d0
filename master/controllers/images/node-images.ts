/** What planning needs to know of nodes: platform, where they serve images, and which they have. Read off the Node once. */
import { PEER_PORT_ANNOTATION } from '../../../shared/api/image-peers.ts';
import type { Node } from '../../../shared/api/node.ts';
import { canonicalImage } from '../../../shared/machinery/image-reference.ts';

export interface NodeFacts {
  name: string;
  os: string;
  architecture: string;
  /** undefined: it hands out nothing. */
  endpoint: { address: string; port: number } | undefined;
  isReachable: boolean;
  isUnderDiskPressure: boolean;
  /** Canonical names, with tags and with digests. */
  images: ReadonlyMap<string, number>;
}

export class NodeImages {
  /** Objects of informers are replaced, never changed. */
  readonly #read = new WeakMap<Node, NodeFacts>();

  of(node: Node): NodeFacts {
    const known = this.#read.get(node);
    if (known !== undefined) return known;
    const facts = readNode(node);
    this.#read.set(node, facts);
    return facts;
  }
}

function readNode({ metadata, spec, status }: Node): NodeFacts {
  const labels = metadata.labels ?? {};
  const condition = (type: string): string | undefined => status.conditions?.find((item) => item.type === type)?.status;
  const address = status.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  const port = Number(metadata.annotations?.[PEER_PORT_ANNOTATION] ?? 0);
  const isLost = (spec.taints ?? []).some(({ key }) => key === 'node.kubernetes.io/unreachable');
  return {
    name: metadata.name,
    os: labels['kubernetes.io/os'] ?? status.nodeInfo.operatingSystem,
    architecture: labels['kubernetes.io/arch'] ?? status.nodeInfo.architecture,
    endpoint: address !== '' && port > 0 && port <= 65_535 ? { address, port } : undefined,
    isReachable: condition('Ready') === 'True' && !isLost,
    isUnderDiskPressure: condition('DiskPressure') === 'True',
    images: readImages(status.images ?? []),
  };
}

function readImages(images: readonly { names?: string[]; sizeBytes?: number }[]): Map<string, number> {
  return new Map(
    images.flatMap(({ names = [], sizeBytes = 0 }) => names.map((name) => [canonicalImage(name), sizeBytes] as const)),
  );
}
