/** Checks of a Job: its selector is the server's, and what its pods were made from never changes. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../machinery/label-selector.ts';
import { validateDns1123Label } from '../../machinery/names.ts';
import type { ObjectMeta } from '../../schema/object-meta.ts';
import type { JobSpec } from '../job-spec.ts';
import type { LabelSelector } from '../label-selector.ts';
import type { PodTemplateSpec } from '../pod-template.ts';
import { complaintsAbout, invalidValue, requiredValue } from './field-error.ts';
import { checkJobSpec } from './job-spec.ts';
import { checkLabelSelector } from './labels.ts';

/** Labels that the server gives to the pods of a job; the second pair is that of older clients. */
export const JOB_LABELS = {
  controllerUid: 'batch.kubernetes.io/controller-uid',
  jobName: 'batch.kubernetes.io/job-name',
  legacyControllerUid: 'controller-uid',
  legacyJobName: 'job-name',
} as const;

interface Checked {
  metadata: ObjectMeta;
  spec: JobSpec;
  status: { startTime?: string };
}

export function checkJob(job: Checked, old?: Checked): FieldError[] {
  return [
    ...checkJobSpec('spec', job.spec),
    ...(job.spec.selector === undefined ? [requiredValue('spec.selector')] : []),
    ...(job.spec.selector && job.spec.template ? checkSelector(job, job.spec.selector) : []),
    ...checkPodNames(job),
    ...(old === undefined ? [] : checkJobUpdate(job.spec, old)),
  ];
}

function checkSelector({ spec, metadata }: Checked, selector: LabelSelector): FieldError[] {
  const { template } = spec;
  const errors = checkLabelSelector('spec.selector', selector);
  if (errors.length > 0) return errors;
  const labels = template.metadata.labels ?? {};
  if (!spec.manualSelector && selector.matchLabels?.[JOB_LABELS.controllerUid] !== metadata.uid) {
    return [invalidValue('spec.selector', selector, '`selector` not auto-generated')];
  }
  if (selectorMatches(selectorFromLabelSelector(selector), labels)) return [];
  return [invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

/** The hostname of an indexed pod is the job's name with the index. */
function checkPodNames({ spec, metadata }: Checked): FieldError[] {
  if (spec.completionMode !== 'Indexed' || !spec.completions || !metadata.name) return [];
  const hostname = `${metadata.name}-${spec.completions - 1}`;
  const complaints = validateDns1123Label(hostname);
  return complaintsAbout(
    'metadata.name',
    metadata.name,
    complaints.map((complaint) => `will not able to create pod with invalid DNS label ${hostname}: ${complaint}`),
  );
}

const IMMUTABLE = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;

function checkJobUpdate(spec: JobSpec, { spec: old, status }: Checked): FieldError[] {
  const mayMove = old.suspend === true && status.startTime === undefined;
  const template = mayMove && spec.template ? withPlacementOf(spec.template, old.template) : spec.template;
  return [
    ...(jsonEqual(spec.completions, old.completions) || isElastic(spec)
      ? []
      : [immutable('completions', spec.completions)]),
    ...(jsonEqual(spec.selector, old.selector) ? [] : [immutable('selector', spec.selector)]),
    ...(jsonEqual(template, old.template) ? [] : [immutable('template', spec.template)]),
    ...IMMUTABLE.filter((name) => !jsonEqual(spec[name], old[name])).map((name) => immutable(name, spec[name])),
  ];
}

/** An indexed job may grow and shrink as long as all of its pods run at once. */
function isElastic({ completionMode, completions, parallelism }: JobSpec): boolean {
  return completionMode === 'Indexed' && completions !== undefined && completions === parallelism;
}

function immutable(name: string, value: unknown): FieldError {
  return invalidValue(`spec.${name}`, value ?? null, 'field is immutable');
}

/** Where pods go may be decided as long as the job has never started; the rest is compared. */
function withPlacementOf(template: PodTemplateSpec, old: PodTemplateSpec): PodTemplateSpec {
  const { labels, annotations } = old.metadata;
  const { nodeSelector, tolerations, schedulingGates, affinity } = old.spec;
  const { nodeAffinity } = affinity ?? {};
  const ownAffinity = { ...template.spec.affinity, nodeAffinity };
  const isEmpty = Object.values(ownAffinity).every((part) => part === undefined);
  return {
    metadata: { ...template.metadata, labels, annotations },
    spec: {
      ...template.spec,
      nodeSelector,
      tolerations,
      schedulingGates,
      affinity: isEmpty ? affinity : ownAffinity,
    },
  };
}
