/** What a Job's policy says of a failed pod: the first rule that fits. Pure. Source: Kubernetes, "Pod failure policy". */
import type { Job } from '../../../shared/api/job.ts';
import type { PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule } from '../../../shared/api/job-spec.ts';
import type { Pod } from '../../../shared/api/pod.ts';

export interface Verdict {
  action: PodFailurePolicyRule['action'];
  /** Why, for people. */
  message: string;
}

/** Without a policy, and where no rule fits, each failure counts. */
const COUNT: Verdict = { action: 'Count', message: '' };

export function judgeFailure({ spec }: Job, pod: Pod): Verdict {
  const { namespace, name } = pod.metadata;
  for (const [index, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const found = matchRule(rule, pod);
    if (found === undefined) continue;
    const { container, what } = found;
    const subject = container === undefined ? 'Pod' : `Container ${container} for pod`;
    const message = `${subject} ${namespace}/${name} ${what} matching ${rule.action} rule at index ${index}`;
    return { action: rule.action, message };
  }
  return COUNT;
}

interface Match {
  container?: string;
  what: string;
}

function matchRule({ onExitCodes, onPodConditions = [] }: PodFailurePolicyRule, pod: Pod): Match | undefined {
  if (onExitCodes !== undefined) return matchExitCodes(onExitCodes, pod);
  const { conditions = [] } = pod.status;
  const pattern = onPodConditions.find(({ type, status }) =>
    conditions.some((condition) => condition.type === type && condition.status === status),
  );
  return pattern === undefined ? undefined : { what: `has condition ${pattern.type}` };
}

function matchExitCodes(test: PodFailurePolicyOnExitCodesRequirement, { status }: Pod): Match | undefined {
  for (const { name, state } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
    const exitCode = state.terminated?.exitCode ?? 0;
    const isMeant = test.containerName === undefined || test.containerName === name;
    // A container that succeeded is never the reason.
    if (!isMeant || exitCode === 0) continue;
    if (test.values.includes(exitCode) === (test.operator === 'In')) {
      return { container: name, what: `failed with exit code ${exitCode}` };
    }
  }
  return undefined;
}
