/** Who owns whom, as the informers of all kinds know it. The informers' own indexes are the graph; nothing is copied. */
import type { KindRef } from '../../../shared/client/client.ts';
import type { KubernetesObject, OwnerReference } from '../../../shared/schema/object-meta.ts';
import { type AnyInformer, type Informers, kindId } from '../informers.ts';

const BY_OWNER = 'owner uid';

export type AnyKind = KindRef<KubernetesObject>;

/** One object of any kind; `id` is the controller's key for it. */
export interface GraphNode {
  kind: AnyKind;
  /** `namespace/name`, or `name`. */
  key: string;
}

export type GraphListener = (
  node: GraphNode,
  current: KubernetesObject | undefined,
  previous: KubernetesObject | undefined,
) => void;

export class OwnershipGraph {
  readonly #kinds: readonly AnyKind[];
  readonly #byKindName = new Map<string, AnyKind>();
  readonly #byId = new Map<string, AnyKind>();
  readonly #informers = new Map<string, AnyInformer>();

  /** Call before the informers are started. */
  constructor(kinds: readonly AnyKind[], informers: Informers) {
    this.#kinds = kinds;
    for (const kind of kinds) {
      const informer = informers.of(kind);
      informer.addIndex(BY_OWNER, ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid));
      this.#informers.set(kindId(kind), informer);
      this.#byKindName.set(`${kind.group}/${kind.kind}`, kind);
      this.#byId.set(kindId(kind), kind);
    }
  }

  get informers(): readonly AnyInformer[] {
    return [...this.#informers.values()];
  }

  onChange(listener: GraphListener): void {
    for (const kind of this.#kinds) {
      this.#informers
        .get(kindId(kind))
        ?.onChange((key, current, previous) => listener({ kind, key }, current, previous));
    }
  }

  /** As the informer knows it; it may lag. */
  get({ kind, key }: GraphNode): KubernetesObject | undefined {
    return this.#informers.get(kindId(kind))?.get(key);
  }

  dependentsOf(uid: string): { node: GraphNode; object: KubernetesObject }[] {
    return this.#kinds.flatMap((kind) => {
      const found = this.#informers.get(kindId(kind))?.byIndex(BY_OWNER, uid) ?? [];
      return found.map((object) => ({
        node: { kind, key: keyIn(kind, object.metadata.namespace, object.metadata.name) },
        object,
      }));
    });
  }

  /**
   * Where the owner is to be found; undefined when nobody can say: a kind that is not known, or an owner in a namespace of
   * a dependent that is in none.
   */
  ownerNode(reference: OwnerReference, dependent: KubernetesObject): GraphNode | undefined {
    const [first = '', second] = reference.apiVersion.split('/');
    const kind = this.#byKindName.get(`${second === undefined ? '' : first}/${reference.kind}`);
    const { namespace } = dependent.metadata;
    if (kind === undefined || (kind.namespaced && namespace === undefined)) return undefined;
    return { kind, key: keyIn(kind, namespace, reference.name) };
  }

  renderId({ kind, key }: GraphNode): string {
    return `${kindId(kind)} ${key}`;
  }

  parseId(id: string): GraphNode | undefined {
    const space = id.indexOf(' ');
    const kind = this.#byId.get(id.slice(0, space));
    return kind && { kind, key: id.slice(space + 1) };
  }
}

function keyIn(kind: AnyKind, namespace: string | undefined, name: string): string {
  return kind.namespaced ? `${namespace}/${name}` : name;
}
