/**
 * The ReplicaSets of a Deployment as its revisions: which one is made from the present template, what it is called, and
 * the annotations by which kubectl knows them. Pure.
 */
import type { Deployment } from '../../../shared/api/deployment.ts';
import type { PodTemplateSpec } from '../../../shared/api/pod-template.ts';
import type { ReplicaSet } from '../../../shared/api/replica-set.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { parseTime } from '../../../shared/platform/clock.ts';

export const REVISION_ANNOTATION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY_ANNOTATION = 'deployment.kubernetes.io/revision-history';
/** How many pods the Deployment wanted when the ReplicaSet was last scaled: tells scaling from rolling out. */
export const DESIRED_REPLICAS_ANNOTATION = 'deployment.kubernetes.io/desired-replicas';
/** The same with surge. */
export const MAX_REPLICAS_ANNOTATION = 'deployment.kubernetes.io/max-replicas';
export const TEMPLATE_HASH_LABEL = 'pod-template-hash';

/** Annotations of a Deployment that are its own and are not copied to its ReplicaSets. */
const OWN_ANNOTATIONS: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION_ANNOTATION,
  REVISION_HISTORY_ANNOTATION,
  DESIRED_REPLICAS_ANNOTATION,
  MAX_REPLICAS_ANNOTATION,
]);

/** Longest list of earlier revision numbers that is kept. */
const MAX_HISTORY_CHARS = 2_000;

export interface Revisions {
  /** Made from the present template; undefined until it has been created. */
  current: ReplicaSet | undefined;
  /** All others, oldest first. */
  old: ReplicaSet[];
}

export function computeRevisions(deployment: Deployment, replicaSets: readonly ReplicaSet[]): Revisions {
  const sorted = [...replicaSets].sort(byAge);
  const current = sorted.find((replicaSet) => hasTemplate(replicaSet, deployment.spec.template));
  return { current, old: sorted.filter((replicaSet) => replicaSet !== current) };
}

export function hasTemplate(replicaSet: ReplicaSet, template: PodTemplateSpec): boolean {
  return jsonEqual(withoutHash(replicaSet.spec.template), withoutHash(template));
}

export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const difference = (parseTime(a.metadata.creationTimestamp) ?? 0) - (parseTime(b.metadata.creationTimestamp) ?? 0);
  return difference !== 0 ? difference : a.metadata.name < b.metadata.name ? -1 : 1;
}

export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): number {
  const revision = Number(object.metadata.annotations?.[REVISION_ANNOTATION] ?? '0');
  return Number.isInteger(revision) ? revision : 0;
}

/** The number that the present template's ReplicaSet should have: above all others, as an undo is a new revision too. */
export function computeRevision({ current, old }: Revisions): number {
  const highest = old.map(revisionOf).reduce((a, b) => Math.max(a, b), 0);
  return Math.max(highest + 1, current === undefined ? 0 : revisionOf(current));
}

/** Annotations of the present template's ReplicaSet. */
export function computeRevisionAnnotations(deployment: Deployment, revisions: Revisions): Record<string, string> {
  const present = revisions.current?.metadata.annotations ?? {};
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !OWN_ANNOTATIONS.has(name));
  const annotations = { ...present, ...Object.fromEntries(copied) };
  const revision = String(computeRevision(revisions));
  const before = present[REVISION_ANNOTATION];
  if (before !== undefined && before !== revision) {
    const history = [annotations[REVISION_HISTORY_ANNOTATION], before].filter(Boolean).join(',');
    annotations[REVISION_HISTORY_ANNOTATION] = history.slice(-MAX_HISTORY_CHARS);
  }
  annotations[REVISION_ANNOTATION] = revision;
  return annotations;
}

/** A short text that differs when the template does; `collisions` moves on when a name turned out to be taken. */
export function computeTemplateHash(template: PodTemplateSpec, collisions: number): string {
  const text = `${canonicalJson(withoutHash(template))}${collisions === 0 ? '' : `#${collisions}`}`;
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  let rest = fnv1a(text);
  let hash = '';
  for (let length = 0; length < 7; length += 1) {
    hash += alphabet[rest % alphabet.length];
    rest = Math.floor(rest / alphabet.length);
  }
  return hash;
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [TEMPLATE_HASH_LABEL]: _, ...labels } = template.metadata.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The same text for equal values, whatever the order of their keys. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
