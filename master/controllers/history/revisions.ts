/**
 * The states of a workload's template as ControllerRevisions: which one is in force, which ones may go. Pure. The data of a
 * revision is a patch that `kubectl rollout undo` sends as it is. Source: Kubernetes, "Rolling back a DaemonSet".
 */
import type { ControllerRevision } from '../../../shared/api/controller-revision.ts';
import type { LabelSelector } from '../../../shared/api/label-selector.ts';
import type { PodTemplateSpec } from '../../../shared/api/pod-template.ts';
import { isJsonObject, jsonEqual } from '../../../shared/machinery/json.ts';
import type { ObjectMeta } from '../../../shared/schema/object-meta.ts';
import type { ActionOf } from '../actions.ts';
import { computeTemplateHash } from '../deployment/revisions.ts';

export interface HistoryOwner {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: { selector: LabelSelector; template: PodTemplateSpec; revisionHistoryLimit: number };
  status: { collisionCount?: number };
}

/** A state of the template, stored or about to be. */
export interface Revision {
  name: string;
  hash: string;
  number: number;
  template: PodTemplateSpec;
}

export interface HistoryActions {
  createRevision: { revision: Revision };
  /** An earlier state is in force again: it becomes the newest. */
  renumberRevision: { stored: ControllerRevision; number: number };
  deleteRevision: { stored: ControllerRevision };
}

export type HistoryAction = ActionOf<HistoryActions>;

export interface History {
  /** The state of the present template. */
  update: Revision;
  /** All that are stored, oldest first. */
  stored: readonly Revision[];
  actions: HistoryAction[];
}

export const REVISION_HASH_LABEL = 'controller-revision-hash';

/** `revisions` are those that the owner manages. */
export function computeHistory(owner: HistoryOwner, revisions: readonly ControllerRevision[]): History {
  const { template } = owner.spec;
  const sorted = [...revisions].sort(byNumber);
  const stored = sorted.flatMap((revision) => readRevision(revision) ?? []);
  const highest = stored.at(-1)?.number ?? 0;
  const known = stored.findLast((revision) => jsonEqual(revision.template, template));
  if (known === undefined) {
    const update = newRevision(owner, highest + 1);
    return { update, stored, actions: [{ type: 'createRevision', revision: update }] };
  }
  const object = sorted.find(({ metadata }) => metadata.name === known.name);
  if (known.number === highest || object === undefined) return { update: known, stored, actions: [] };
  const number = highest + 1;
  return { update: { ...known, number }, stored, actions: [{ type: 'renumberRevision', stored: object, number }] };
}

/** Old states that nothing uses go beyond the limit, the oldest first. */
export function computeHistoryCleanup(
  owner: HistoryOwner,
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
): HistoryAction[] {
  const unused = revisions.filter(({ metadata }) => !inUse.has(metadata.name)).sort(byNumber);
  const excess = Math.max(0, unused.length - owner.spec.revisionHistoryLimit);
  return unused.slice(0, excess).map((stored) => ({ type: 'deleteRevision', stored }));
}

/** The patch that brings the template back: it replaces the whole of it. */
export function renderData({ template }: Revision): Record<string, unknown> {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

function newRevision({ metadata, spec, status }: HistoryOwner, number: number): Revision {
  const hash = computeTemplateHash(spec.template, status.collisionCount ?? 0);
  return { name: `${metadata.name}-${hash}`, hash, number, template: spec.template };
}

/** undefined: somebody else's data. */
function readRevision({ metadata, data, revision }: ControllerRevision): Revision | undefined {
  const spec = data?.['spec'];
  const template = isJsonObject(spec) ? spec['template'] : undefined;
  if (!isJsonObject(template) || !isJsonObject(template['spec'])) return undefined;
  const { $patch: _, ...rest } = template;
  const hash = metadata.labels?.[REVISION_HASH_LABEL] ?? '';
  return { name: metadata.name, hash, number: revision, template: asTemplate(rest) };
}

/** The edge: this controller wrote it, from a template that had been validated. */
function asTemplate(value: Record<string, unknown>): PodTemplateSpec {
  const { metadata, spec } = value;
  return { metadata: { ...Object(metadata) }, spec: { ...Object(spec) } };
}

function byNumber(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
