/** Which pods are meant: by namespace and labels, as constraints about neighbours name them. Pure. */
import {
  formatSelector,
  type LabelSelectorLike,
  type Labels,
  type Requirement,
  SELECT_NOTHING,
  type Selector,
  SelectorError,
  selectorFromLabelSelector,
  selectorMatches,
} from '../../shared/machinery/label-selector.ts';

export interface PodQuery {
  /** Equal for queries that mean the same pods. */
  readonly key: string;
  readonly namespaces: ReadonlySet<string>;
  /** Pods of namespaces with these labels count too. */
  readonly namespaceSelector: Selector | undefined;
  readonly selector: Selector;
  /** Pods that are on their way out do not count. */
  readonly onlyStaying: boolean;
}

/** What a query looks at. */
export interface Neighbour {
  readonly namespace: string;
  readonly labels: Labels;
  readonly isLeaving: boolean;
}

/** Labels of a namespace; undefined when it is not known. */
export type NamespaceLabels = (namespace: string) => Labels | undefined;

export interface PodQueryOptions {
  namespaces: readonly string[];
  namespaceSelector?: LabelSelectorLike | undefined;
  labelSelector: LabelSelectorLike | undefined;
  /** The label's value must be (not) that of the pod with these labels. */
  own: Labels;
  matchLabelKeys?: readonly string[] | undefined;
  mismatchLabelKeys?: readonly string[] | undefined;
  onlyStaying?: boolean;
}

export function computePodQuery(options: PodQueryOptions): PodQuery {
  const { namespaces, own, matchLabelKeys = [], mismatchLabelKeys = [], onlyStaying = false } = options;
  const selector: Selector = {
    requirements: [
      ...compile(options.labelSelector).requirements,
      ...comparedKeys(matchLabelKeys, own, 'In'),
      ...comparedKeys(mismatchLabelKeys, own, 'NotIn'),
    ],
  };
  const namespaceSelector = options.namespaceSelector && compile(options.namespaceSelector);
  const key = JSON.stringify([
    [...namespaces].sort(),
    namespaceSelector === undefined ? undefined : canonicalText(namespaceSelector),
    canonicalText(selector),
    onlyStaying,
  ]);
  return { key, namespaces: new Set(namespaces), namespaceSelector, selector, onlyStaying };
}

export function queryMatches(query: PodQuery, pod: Neighbour, labelsOf: NamespaceLabels): boolean {
  if (query.onlyStaying && pod.isLeaving) return false;
  return namespaceMatches(query, pod.namespace, labelsOf) && selectorMatches(query.selector, pod.labels);
}

/** Like `queryMatches`, without knowing the labels of namespaces: never wrong where it says no. */
export function mayMatch(query: PodQuery, { namespace, labels }: Neighbour): boolean {
  const isNamespaceMeant = query.namespaceSelector !== undefined || query.namespaces.has(namespace);
  return isNamespaceMeant && selectorMatches(query.selector, labels);
}

function namespaceMatches(query: PodQuery, namespace: string, labelsOf: NamespaceLabels): boolean {
  if (query.namespaces.has(namespace)) return true;
  if (query.namespaceSelector === undefined) return false;
  const labels = labelsOf(namespace);
  return labels !== undefined && selectorMatches(query.namespaceSelector, labels);
}

/** The API server has refused what cannot be read; should it get here, it means no pod. */
function compile(selector: LabelSelectorLike | undefined): Selector {
  try {
    return selectorFromLabelSelector(selector);
  } catch (error) {
    if (error instanceof SelectorError) return SELECT_NOTHING;
    throw error;
  }
}

/** Keys that the pod does not have are passed over, as in Kubernetes. */
function comparedKeys(keys: readonly string[], own: Labels, operator: 'In' | 'NotIn'): Requirement[] {
  return keys.flatMap((key) => {
    const value = own[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}

function canonicalText({ requirements }: Selector): string {
  return requirements
    .map((requirement) => formatSelector({ requirements: [requirement] }))
    .sort()
    .join(',');
}
