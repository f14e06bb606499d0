/** JobSpec: pods that end, as Jobs and CronJobs want them. Source: Kubernetes API reference, batch/v1 JobSpec. */
import type { Static } from 'typebox';
import { bool, defaulted, int32, int64, list, object, oneOf, ref, required, str } from '../schema/fields.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { PartialObjectMetaSchema } from './partial-object-meta.ts';
import { PodTemplateSpecSchema } from './pod-template.ts';

export const PodFailurePolicyOnExitCodesRequirementSchema = object(
  'PodFailurePolicyOnExitCodesRequirement',
  'A test of exit codes',
  {
    containerName: str(1, 'the container; all of them unless set'),
    operator: required(oneOf(2, ['In', 'NotIn'], 'how the exit code is compared')),
    values: required(
      list(3, required(int32(undefined, 'one exit code')), 'exit codes; 0 is none of them for In', { type: 'set' }),
    ),
  },
);

export type PodFailurePolicyOnExitCodesRequirement = Static<typeof PodFailurePolicyOnExitCodesRequirementSchema>;

export const PodFailurePolicyOnPodConditionsPatternSchema = object(
  'PodFailurePolicyOnPodConditionsPattern',
  "A test of a pod's condition",
  {
    type: required(str(1, 'type of the condition, such as DisruptionTarget')),
    status: defaulted(oneOf(2, ['True', 'False', 'Unknown'], 'status of the condition', { default: 'True' })),
  },
);

export type PodFailurePolicyOnPodConditionsPattern = Static<typeof PodFailurePolicyOnPodConditionsPatternSchema>;

export const PodFailurePolicyRuleSchema = object('PodFailurePolicyRule', 'What to do about a failed pod that fits', {
  action: required(oneOf(1, ['FailJob', 'FailIndex', 'Ignore', 'Count'], 'what to do')),
  onExitCodes: ref(2, PodFailurePolicyOnExitCodesRequirementSchema, 'fits by exit codes'),
  onPodConditions: list(3, PodFailurePolicyOnPodConditionsPatternSchema, 'fits by one of these conditions'),
});

export type PodFailurePolicyRule = Static<typeof PodFailurePolicyRuleSchema>;

export const PodFailurePolicySchema = object(
  'PodFailurePolicy',
  'What to do about failed pods; the first rule counts',
  {
    rules: required(list(1, PodFailurePolicyRuleSchema, 'the rules, in order')),
  },
);

export type PodFailurePolicy = Static<typeof PodFailurePolicySchema>;

export const SuccessPolicyRuleSchema = object('SuccessPolicyRule', 'When the job has succeeded before its end', {
  succeededIndexes: str(1, 'these indexes count, such as 0,2-4; all of them unless set'),
  succeededCount: int32(2, 'so many of them; all of them unless set'),
});

export type SuccessPolicyRule = Static<typeof SuccessPolicyRuleSchema>;

export const SuccessPolicySchema = object('SuccessPolicy', 'When an indexed job has succeeded before its end', {
  rules: required(list(1, SuccessPolicyRuleSchema, 'one of these is enough')),
});

export type SuccessPolicy = Static<typeof SuccessPolicySchema>;

/** Defaults are filled in by the Job and not by the schema: the template of a CronJob stays as it was written. */
export const JobSpecSchema = object('JobSpec', 'What is wanted', {
  parallelism: int32(1, 'most pods at a time; 1 unless set'),
  completions: int32(2, 'pods that must succeed; absent: one success ends the job'),
  activeDeadlineSeconds: int64(3, 'seconds from its start after which the job fails'),
  podFailurePolicy: ref(11, PodFailurePolicySchema, 'what to do about failed pods; cannot change'),
  successPolicy: ref(16, SuccessPolicySchema, 'when the job has succeeded before its end; cannot change'),
  backoffLimit: int32(7, 'failed pods after which the job fails; 6 unless set'),
  backoffLimitPerIndex: int32(12, 'failed pods of one index after which the index fails; cannot change'),
  maxFailedIndexes: int32(13, 'failed indexes after which the job fails'),
  selector: ref(4, LabelSelectorSchema, 'chooses the pods; made by the server'),
  manualSelector: bool(5, 'the selector is written by hand'),
  template: required(ref(6, PodTemplateSpecSchema, 'what the pods look like; cannot change')),
  ttlSecondsAfterFinished: int32(8, 'seconds after its end when the job is deleted'),
  completionMode: oneOf(9, ['NonIndexed', 'Indexed'], 'whether each completion has an index; cannot change'),
  suspend: bool(10, 'the job has no pods for the time being'),
  podReplacementPolicy: oneOf(14, ['TerminatingOrFailed', 'Failed'], 'whether a pod is replaced before it has ended'),
  managedBy: str(15, 'another controller that cares for the job; cannot change'),
});

export type JobSpec = Static<typeof JobSpecSchema>;

export const JobTemplateSpecSchema = object('JobTemplateSpec', 'What the jobs of a cron job look like', {
  metadata: defaulted(ref(1, PartialObjectMetaSchema, 'labels and annotations of the jobs', { default: {} })),
  spec: defaulted(ref(2, JobSpecSchema, 'what the jobs run', { default: {} })),
});

export type JobTemplateSpec = Static<typeof JobTemplateSpecSchema>;
