/** Steps that end a pod: containers with their grace, then sidecars backwards, then the sandbox, then every trace. Pure. */
import type { ContainerRecord } from '../../container-runtime/runtime.ts';
import type { ObservedPod } from './observed-pod.ts';
import { NOTHING_TO_DO, type PodAction, type PodPlan } from './pod-actions.ts';

export interface TerminationInput {
  observed: ObservedPod;
  graceSeconds: number;
  /** Names of sidecars in the order of their start. */
  sidecars: readonly string[];
  stoppingGraceSeconds(containerId: string): number | undefined;
  /**
   * `finish`: the pod is over and its object stays, with its containers for their logs; `delete`: it was deleted, the API
   * server waits to hear that nothing is left; `vanish`: the API server does not know it any more.
   */
  mode: 'finish' | 'delete' | 'vanish';
}

export function computeTermination(input: TerminationInput): PodPlan {
  const { observed, mode } = input;
  const running = observed.containers.filter(({ state }) => state === 'running');
  if (running.length > 0) return plan(stopNext(input, running));
  if (observed.sandboxes.length > 0) return plan(observed.sandboxes.map(({ id }) => ({ type: 'remove-sandbox', id })));
  if (mode === 'finish') return NOTHING_TO_DO;
  const containers: PodAction[] = observed.containers.map(({ id }) => ({ type: 'remove-container', id }));
  const last: PodAction[] = mode === 'delete' ? [{ type: 'finish-deletion' }] : [];
  return plan([...containers, { type: 'remove-files' }, ...last]);
}

/** Sidecars serve the others until these have ended, and end in the reverse order of their start. */
function stopNext(input: TerminationInput, running: readonly ContainerRecord[]): PodAction[] {
  const { sidecars } = input;
  const others = running.filter(({ name }) => !sidecars.includes(name));
  if (others.length > 0) return others.flatMap((record) => stop(input, record));
  const last = [...running].sort((a, b) => sidecars.indexOf(b.name) - sidecars.indexOf(a.name)).slice(0, 1);
  return last.flatMap((record) => stop(input, record));
}

/** A stop under way is repeated only to shorten its grace. */
export function stop(
  input: Pick<TerminationInput, 'graceSeconds' | 'stoppingGraceSeconds'>,
  record: ContainerRecord,
  message = `Stopping container ${record.name}`,
): PodAction[] {
  const { graceSeconds } = input;
  const underWay = input.stoppingGraceSeconds(record.id);
  if (underWay !== undefined && underWay <= graceSeconds) return [];
  return [{ type: 'stop-container', container: record.name, id: record.id, graceSeconds, message }];
}

function plan(actions: PodAction[]): PodPlan {
  return { actions, lookAgainMs: undefined };
}
