/**
 * Who the pods of a StatefulSet are: a name with an ordinal, labels that say so, and volume claims of their own. Pure.
 * Source: Kubernetes, "StatefulSets: Pod Identity".
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { type StatefulSet, StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import { subjectOf } from '../../../shared/client/event-recorder.ts';
import { controllerReference } from '../../../shared/machinery/owner-references.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { REVISION_HASH_LABEL, type Revision } from '../history/revisions.ts';

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
export const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

export function podName({ metadata }: StatefulSet, ordinal: number): string {
  return `${metadata.name}-${ordinal}`;
}

/** The ordinal of a pod of that set; undefined for names that the set does not give. */
export function ordinalOf({ metadata }: StatefulSet, name: string): number | undefined {
  const prefix = `${metadata.name}-`;
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^(0|[1-9]\d{0,8})$/.test(digits) ? Number(digits) : undefined;
}

export function startOrdinal({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0;
}

/** Ordinals that should have a pod, ascending. */
export function wantedOrdinals(set: StatefulSet): number[] {
  return Array.from({ length: set.spec.replicas }, (_, index) => startOrdinal(set) + index);
}

/** Name of the revision that the pod was made from. */
export function revisionOf(pod: Pod): string {
  return pod.metadata.labels?.[REVISION_HASH_LABEL] ?? '';
}

export function claimName(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${podName(set, ordinal)}`;
}

/** Names of all claims of one pod, by the name of their template. */
export function claimNames(set: StatefulSet, ordinal: number): Map<string, string> {
  const templates = set.spec.volumeClaimTemplates ?? [];
  return new Map(templates.map(({ metadata }) => [metadata.name, claimName(set, metadata.name, ordinal)]));
}

/** Labels by which a pod and its services know who it is. */
export function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [POD_NAME_LABEL]: podName(set, ordinal), [POD_INDEX_LABEL]: String(ordinal) };
}

/** The pod as that revision of the template wants it. */
export function renderPod(set: StatefulSet, ordinal: number, revision: Revision): Draft<Pod> {
  const { metadata, spec } = revision.template;
  const { labels, annotations, finalizers } = metadata;
  const name = podName(set, ordinal);
  const owner = { ...subjectOf(StatefulSetKind, set), metadata: set.metadata };
  return {
    metadata: {
      name,
      namespace: set.metadata.namespace,
      labels: { ...labels, ...identityLabels(set, ordinal), [REVISION_HASH_LABEL]: revision.name },
      annotations: { ...annotations },
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: {
      ...spec,
      ...withClaims(spec, claimNames(set, ordinal)),
      hostname: name,
      ...(set.spec.serviceName === '' ? {} : { subdomain: set.spec.serviceName }),
    },
  };
}

/** The claims take the place of volumes of the same name. */
function withClaims({ volumes = [] }: PodSpec, claims: ReadonlyMap<string, string>): Pick<PodSpec, 'volumes'> {
  if (claims.size === 0) return {};
  const others = volumes.filter(({ name }) => !claims.has(name));
  const claimed = [...claims].map(([name, claim]) => ({ name, persistentVolumeClaim: { claimName: claim } }));
  return { volumes: [...claimed, ...others] };
}
