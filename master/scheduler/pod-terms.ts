/**
 * What a pod demands and wishes about its neighbours, compiled once. Source: Kubernetes, "Assigning Pods to Nodes" and "Pod
 * Topology Spread Constraints". Pods without any, nearly all, have no such object.
 */
import type { PodAffinityTerm } from '../../shared/api/affinity.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { TopologySpreadConstraint } from '../../shared/api/pod-spec-parts.ts';
import { computePodQuery, type PodQuery } from './pod-query.ts';

export interface AffinityTerm {
  /** Equal for terms that say the same. */
  readonly key: string;
  readonly topologyKey: string;
  readonly query: PodQuery;
}

export interface WeightedTerm extends AffinityTerm {
  /** Negative: be away from them. */
  readonly weight: number;
}

export interface PodTerms {
  readonly required: readonly AffinityTerm[];
  readonly antiRequired: readonly AffinityTerm[];
  readonly wishes: readonly WeightedTerm[];
}

export interface SpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly query: PodQuery;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
}

export interface SpreadConstraints {
  readonly demands: readonly SpreadConstraint[];
  readonly wishes: readonly SpreadConstraint[];
}

export function computePodTerms({ metadata, spec }: Pod): PodTerms | undefined {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  if (podAffinity === undefined && podAntiAffinity === undefined) return undefined;
  const compiled = (term: PodAffinityTerm): AffinityTerm => compileTerm(term, metadata);
  const near = podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const away = podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return {
    required: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compiled),
    antiRequired: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compiled),
    wishes: [
      ...near.map(({ weight, podAffinityTerm }) => ({ ...compiled(podAffinityTerm), weight })),
      ...away.map(({ weight, podAffinityTerm }) => ({ ...compiled(podAffinityTerm), weight: -weight })),
    ],
  };
}

export function computeSpreadConstraints({ metadata, spec }: Pod): SpreadConstraints | undefined {
  const all = spec.topologySpreadConstraints ?? [];
  if (all.length === 0) return undefined;
  const of = (whenUnsatisfiable: string): SpreadConstraint[] =>
    all.filter((one) => one.whenUnsatisfiable === whenUnsatisfiable).map((one) => compileConstraint(one, metadata));
  return { demands: of('DoNotSchedule'), wishes: of('ScheduleAnyway') };
}

function compileTerm(term: PodAffinityTerm, { namespace = '', labels = {} }: Pod['metadata']): AffinityTerm {
  const { topologyKey, namespaces = [], namespaceSelector } = term;
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined;
  const query = computePodQuery({
    namespaces: isOwn ? [namespace] : namespaces,
    namespaceSelector,
    labelSelector: term.labelSelector,
    own: labels,
    matchLabelKeys: term.matchLabelKeys,
    mismatchLabelKeys: term.mismatchLabelKeys,
  });
  return { key: `${topologyKey}\n${query.key}`, topologyKey, query };
}

function compileConstraint(
  constraint: TopologySpreadConstraint,
  { namespace = '', labels = {} }: Pod['metadata'],
): SpreadConstraint {
  const { maxSkew, topologyKey, labelSelector, matchLabelKeys } = constraint;
  return {
    maxSkew,
    topologyKey,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
    query: computePodQuery({ namespaces: [namespace], labelSelector, own: labels, matchLabelKeys, onlyStaying: true }),
  };
}
