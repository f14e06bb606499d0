/**
 * Demands on a node, by its labels and its name. Source: Kubernetes API reference, NodeSelectorTerm: terms are alternatives,
 * the tests of one term must all hold, an empty term holds for no node, and metadata.name is the only field.
 */
import { type Labels, type Requirement, requirementMatches } from './label-selector.ts';

export interface NodeTest {
  key: string;
  operator: Requirement['operator'];
  values?: readonly string[];
}

export interface NodeTerm {
  matchExpressions?: readonly NodeTest[];
  matchFields?: readonly NodeTest[];
}

export interface NodeIdentity {
  name: string;
  labels: Labels;
}

export function nodeTermMatches({ matchExpressions = [], matchFields = [] }: NodeTerm, node: NodeIdentity): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return allHold(matchExpressions, node.labels) && allHold(matchFields, { 'metadata.name': node.name });
}

/** What a pod demands of its node: all labels of its selector, and one term of its affinity. */
export interface NodeDemands {
  nodeSelector?: Labels;
  affinity?: {
    nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: readonly NodeTerm[] } };
  };
}

export function nodeMeetsDemands({ nodeSelector, affinity }: NodeDemands, node: NodeIdentity): boolean {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const isSelected = Object.entries(nodeSelector ?? {}).every(([key, value]) => node.labels[key] === value);
  return (
    isSelected && (required === undefined || required.nodeSelectorTerms.some((term) => nodeTermMatches(term, node)))
  );
}

function allHold(tests: readonly NodeTest[], labels: Labels): boolean {
  return tests.every(({ key, operator, values = [] }) => requirementMatches({ key, operator, values }, labels));
}
