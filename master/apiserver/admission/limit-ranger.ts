/**
 * LimitRanges: a container that asks for nothing gets the namespace's defaults, and what a pod, container or claim asks for
 * must lie within its bounds. Source: Kubernetes, "Limit Ranges", admission plugin LimitRanger.
 */
import type { Container } from '../../../shared/api/container.ts';
import type { LimitRange, LimitRangeItem } from '../../../shared/api/limit-range.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { podLimits, podRequests } from '../../../shared/api/pod-amounts.ts';
import { forbidden } from '../../../shared/machinery/errors.ts';
import { asKind } from '../storage/api-object.ts';
import type { ObjectReader } from '../storage/object-index.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';
import { boundsComplaints } from './limit-bounds.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

export function createLimitRanger(ranges: ObjectReader<LimitRange>): AdmissionStep {
  return async (review) => {
    const { operation, call, object } = review;
    if (call.kind.group !== '' || object === undefined) return;
    const isNewPod = call.kind.kind === 'Pod' && operation === 'CREATE' && call.subresource === '';
    const isResize = call.kind.kind === 'Pod' && operation === 'UPDATE' && call.subresource === 'resize';
    const isClaim = call.kind.kind === 'PersistentVolumeClaim' && operation !== 'DELETE' && call.subresource === '';
    if (!isNewPod && !isResize && !isClaim) return;
    const found = await ranges.list(call.namespace);
    if (found.length === 0) return;
    const items = found.flatMap(({ spec }) => spec.limits);
    if (isNewPod)
      for (const item of items) if (item.type === 'Container') setDefaults(asKind<Pod>(call.kind, object), item);
    const complaints = isClaim ? claimComplaints(review, items) : podComplaints(asKind<Pod>(call.kind, object), items);
    if (complaints.length === 0) return;
    const text = complaints.length === 1 ? (complaints[0] ?? '') : `[${complaints.join(', ')}]`;
    throw forbidden(call.kind, object.metadata.name ?? '', text);
  };
}

function podComplaints(pod: Pod, items: readonly LimitRangeItem[]): string[] {
  const containers = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  return items.flatMap((item) => {
    if (item.type === 'Pod')
      return boundsComplaints(item, { requests: podRequests(pod.spec), limits: podLimits(pod.spec) });
    if (item.type !== 'Container') return [];
    return containers.flatMap(({ resources }) => boundsComplaints(item, resources));
  });
}

/** Fills in what a container does not say, and leaves a word about it. */
function setDefaults(pod: Pod, item: LimitRangeItem): void {
  const words = [
    ...(pod.spec.containers ?? []).flatMap((container) => fill(container, item, 'container')),
    ...(pod.spec.initContainers ?? []).flatMap((container) => fill(container, item, 'init container')),
  ];
  if (words.length === 0) return;
  const text = `LimitRanger plugin set: ${words.join('; ')}`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: text };
}

function fill(
  container: Container,
  { default: limits = {}, defaultRequest = {} }: LimitRangeItem,
  what: string,
): string[] {
  const resources = container.resources ?? {};
  const newLimits = missingIn(resources.limits, limits);
  // A limit that the user gave is a request, too, before the namespace's default.
  const given = missingIn(resources.requests, resources.limits ?? {});
  const newRequests = missingIn({ ...resources.requests, ...given }, defaultRequest);
  const [limitNames, requestNames] = [Object.keys(newLimits), Object.keys(newRequests)];
  container.resources = {
    ...resources,
    ...(limitNames.length > 0 ? { limits: { ...resources.limits, ...newLimits } } : {}),
    ...(requestNames.length + Object.keys(given).length > 0
      ? { requests: { ...resources.requests, ...given, ...newRequests } }
      : {}),
  };
  const word = (names: readonly string[], part: string): string[] =>
    names.length === 0 ? [] : [`${[...names].sort().join(', ')} ${part} for ${what} ${container.name}`];
  return [...word(requestNames, 'request'), ...word(limitNames, 'limit')];
}

function missingIn(
  present: Readonly<Record<string, string>> = {},
  wanted: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => !Object.hasOwn(present, name)));
}

function claimComplaints({ call, object }: AdmissionReview, items: readonly LimitRangeItem[]): string[] {
  if (object === undefined) return [];
  const { resources } = asKind<PersistentVolumeClaim>(call.kind, object).spec;
  const ofClaims = items.filter(({ type }) => type === 'PersistentVolumeClaim');
  return ofClaims.flatMap((item) => boundsComplaints(item, { requests: resources?.requests ?? {} }));
}
