/**
 * Pure: whether an ended container runs again. Source: Kubernetes documentation, "Pod Lifecycle", "Container restarts" and
 * "Individual container restart policy and rules".
 */
import type { Container } from '../../../shared/api/container.ts';
import type { ContainerRestartRule } from '../../../shared/api/container-fields.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import type { PlacedContainer } from './pod-containers.ts';

export function runsAgain(spec: Pick<PodSpec, 'restartPolicy'>, placed: PlacedContainer, exitCode: number): boolean {
  const { container, role } = placed;
  if (role === 'ephemeral') return false;
  if (container.restartPolicyRules?.some((rule) => fits(rule, exitCode))) return true;
  const policy = policyOf(spec, placed);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Init containers run until they have succeeded, and a sidecar for ever. */
function policyOf(
  spec: Pick<PodSpec, 'restartPolicy'>,
  { container, role }: PlacedContainer,
): Container['restartPolicy'] {
  if (container.restartPolicy !== undefined) return container.restartPolicy;
  const policy = spec.restartPolicy ?? 'Always';
  return role === 'init' && policy === 'Always' ? 'OnFailure' : policy;
}

function fits({ action, exitCodes }: ContainerRestartRule, exitCode: number): boolean {
  if (action !== 'Restart' || exitCodes === undefined) return false;
  const isListed = (exitCodes.values ?? []).includes(exitCode);
  return exitCodes.operator === 'In' ? isListed : !isListed;
}
