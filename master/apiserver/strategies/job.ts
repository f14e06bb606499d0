/**
 * Jobs: the server makes the selector from the uid, which no two jobs share, so that a job never takes the pods of another
 * one, not even of a former one of its name. Source: Kubernetes, "Jobs: Specifying your own Pod selector".
 */
import type { Job } from '../../../shared/api/job.ts';
import { JOB_LABELS } from '../../../shared/api/validation/job.ts';
import type { Strategy } from '../registry/strategy.ts';
import { asKind } from '../storage/api-object.ts';

const JOB = { kind: 'Job' };

export const jobStrategy: Strategy = {
  // As Kubernetes has it since the days before garbage collection; kubectl always says what it wants.
  orphansByDefault: true,
  completeCreate(object) {
    const { spec, metadata } = asKind<Job>(JOB, object);
    if (spec?.template === undefined || spec.manualSelector) return;
    const { name, uid } = metadata;
    const labels = {
      ...spec.template.metadata.labels,
      [JOB_LABELS.legacyControllerUid]: uid,
      [JOB_LABELS.controllerUid]: uid,
      [JOB_LABELS.legacyJobName]: name,
      [JOB_LABELS.jobName]: name,
    };
    const { matchLabels, ...rest } = spec.selector ?? {};
    // Labels of its own tell a user's jobs apart; without any it has those of its pods.
    if (Object.keys(metadata.labels ?? {}).length === 0) object.metadata = { ...object.metadata, labels };
    object['spec'] = {
      ...spec,
      selector: { ...rest, matchLabels: { ...matchLabels, [JOB_LABELS.controllerUid]: uid } },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    };
  },
};
