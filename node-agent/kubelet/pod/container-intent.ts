/** What one container of a running pod needs next, judged by its latest run. Pure. */
import type { Container } from '../../../shared/api/container.ts';
import type { ContainerRecord } from '../../container-runtime/runtime.ts';
import { hashContainer } from '../spec/container-config.ts';
import { computeRestart } from './crash-backoff.ts';
import { runsOf } from './observed-pod.ts';
import { isSidecar, type PodView } from './pod-view.ts';

export type ContainerIntent =
  /** It runs, and shall. */
  | { type: 'keep' }
  /** It has ended for good. */
  | { type: 'done'; succeeded: boolean }
  | { type: 'stop'; record: ContainerRecord; message: string; graceSeconds: number | undefined }
  /** It was made and never started: the agent was interrupted in between. */
  | { type: 'launch'; record: ContainerRecord }
  | { type: 'create'; attempt: number; crashes: number }
  | { type: 'back-off'; remainingMs: number; delayMs: number };

export type ContainerRole = 'main' | 'init';

export function computeContainerIntent(view: PodView, container: Container, role: ContainerRole): ContainerIntent {
  const runs = runsOf(view.observed, container.name);
  const record = runs.at(-1);
  const older = runs.slice(0, -1).find(({ state }) => state === 'running');
  // Somebody started an old run by hand: two copies at once are never right.
  if (older !== undefined) return stopOlder(older);
  if (record === undefined) return { type: 'create', attempt: firstAttempt(view, container.name), crashes: 0 };
  if (record.state === 'exited') return afterExit(view, container, role, record);
  const isCurrent = record.sandboxId === view.observed.sandboxes.at(-1)?.id;
  if (record.state === 'created') {
    return isCurrent ? { type: 'launch', record } : { type: 'create', attempt: record.attempt + 1, crashes: 0 };
  }
  return whileRunning(view, container, record);
}

function stopOlder(record: ContainerRecord): ContainerIntent {
  const message = `Stopping an older run of container ${record.name}`;
  return { type: 'stop', record, message, graceSeconds: undefined };
}

/** Runs that the runtime has forgotten still count, as far as the API remembers them. */
function firstAttempt({ pod }: PodView, name: string): number {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status;
  const status = [...containerStatuses, ...initContainerStatuses].find((item) => item.name === name);
  return status?.containerID ? status.restartCount + 1 : 0;
}

function whileRunning(view: PodView, container: Container, record: ContainerRecord): ContainerIntent {
  if (record.hash !== hashContainer(container)) {
    const message = `Container ${container.name} definition changed, will be restarted`;
    return { type: 'stop', record, message, graceSeconds: undefined };
  }
  const failure = view.probes.failure(record);
  if (failure === undefined) return { type: 'keep' };
  return { type: 'stop', record, message: failure.message, graceSeconds: failure.graceSeconds };
}

function afterExit(view: PodView, container: Container, role: ContainerRole, record: ContainerRecord): ContainerIntent {
  const succeeded = record.exit?.code === 0;
  const attempt = record.attempt + 1;
  const { crashes, delayMs } = computeRestart(record);
  const isCurrent = record.sandboxId === view.observed.sandboxes.at(-1)?.id;
  // A finished init container runs again in a new sandbox: what it prepared there is gone.
  const isRepeatedInit = role === 'init' && !isCurrent;
  if (!isRepeatedInit && !shouldRestart(view, container, role, succeeded)) return { type: 'done', succeeded };
  if (record.hash !== hashContainer(container)) return { type: 'create', attempt, crashes: 0 };
  // The sandbox took it down (a reboot, say): not its own fault.
  if (!isCurrent) return { type: 'create', attempt, crashes: crashes - 1 };
  const remainingMs = delayMs - view.endedForMs(record);
  return remainingMs > 0 ? { type: 'back-off', remainingMs, delayMs } : { type: 'create', attempt, crashes };
}

function shouldRestart(view: PodView, container: Container, role: ContainerRole, succeeded: boolean): boolean {
  if (role === 'init') {
    if (isSidecar(container)) return true;
    // Init containers run until they succeed; with Never a failed one fails the pod.
    return !succeeded && view.pod.spec.restartPolicy !== 'Never';
  }
  const policy = view.pod.spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && !succeeded);
}
