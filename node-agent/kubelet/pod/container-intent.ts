/** What one container of a running pod needs next, judged by its latest run. Pure. */
import type { ContainerAmounts, ContainerRecord } from '../../container-runtime/runtime.ts';
import { type AmountName, askedAmounts, differingAmounts } from '../spec/amounts.ts';
import { hashContainer } from '../spec/container-config.ts';
import { computeRestart } from './crash-backoff.ts';
import { runsOf } from './observed-pod.ts';
import { type PlacedContainer, shownStatus } from './pod-containers.ts';
import type { PodView } from './pod-view.ts';
import { runsAgain } from './restart-policy.ts';

export type ContainerIntent =
  /** It runs, and shall. */
  | { type: 'keep' }
  /** It runs, and shall with other amounts. */
  | { type: 'resize'; record: ContainerRecord; amounts: ContainerAmounts }
  /** It has ended for good. */
  | { type: 'done'; succeeded: boolean }
  | { type: 'stop'; record: ContainerRecord; message: string; graceSeconds: number | undefined }
  /** It was made and never started: the agent was interrupted in between. */
  | { type: 'launch'; record: ContainerRecord }
  | { type: 'create'; attempt: number; crashes: number }
  | { type: 'back-off'; remainingMs: number; delayMs: number };

export function computeContainerIntent(view: PodView, placed: PlacedContainer): ContainerIntent {
  const { name } = placed.container;
  const runs = runsOf(view.observed, name);
  const record = runs.at(-1);
  const older = runs.slice(0, -1).find(({ state }) => state === 'running');
  // Somebody started an old run by hand: two copies at once are never right.
  if (older !== undefined) return stop(older, `Stopping an older run of container ${older.name}`);
  if (record === undefined) return withoutRun(view, placed);
  if (record.state === 'exited') return afterExit(view, placed, record);
  const isCurrent = record.sandboxId === view.observed.sandboxes.at(-1)?.id;
  if (record.state === 'created') {
    return isCurrent ? { type: 'launch', record } : { type: 'create', attempt: record.attempt + 1, crashes: 0 };
  }
  return whileRunning(view, placed, record);
}

function stop(record: ContainerRecord, message: string, graceSeconds?: number): ContainerIntent {
  return { type: 'stop', record, message, graceSeconds };
}

/** Runs that the runtime has forgotten still count, as far as the API remembers them. */
function withoutRun({ pod }: PodView, { container, role }: PlacedContainer): ContainerIntent {
  const shown = shownStatus(pod, container.name);
  if (!shown?.containerID) return { type: 'create', attempt: 0, crashes: 0 };
  // Whoever looked into the pod has left; nobody asks twice.
  if (role === 'ephemeral') return { type: 'done', succeeded: shown.state?.terminated?.exitCode === 0 };
  return { type: 'create', attempt: shown.restartCount + 1, crashes: 0 };
}

function whileRunning(view: PodView, { container, role }: PlacedContainer, record: ContainerRecord): ContainerIntent {
  if (role === 'ephemeral') return { type: 'keep' };
  if (record.hash !== hashContainer(container)) {
    return stop(record, `Container ${container.name} definition changed, will be restarted`);
  }
  if (view.postStart(record) === 'failed') return stop(record, 'FailedPostStartHook');
  const failure = view.probes.failure(record);
  if (failure !== undefined) return stop(record, failure.message, failure.graceSeconds);
  const amounts = view.amounts(container);
  const differing = differingAmounts(record, amounts);
  if (differing.length === 0) return { type: 'keep' };
  const restarts = (name: AmountName): boolean =>
    container.resizePolicy?.some((item) => item.resourceName === name && item.restartPolicy === 'RestartContainer') ??
    false;
  if (differing.some(restarts)) return stop(record, `Container ${container.name} resize requires restart`);
  return { type: 'resize', record, amounts };
}

function afterExit(view: PodView, placed: PlacedContainer, record: ContainerRecord): ContainerIntent {
  const { container, role } = placed;
  const exitCode = record.exit?.code ?? 0;
  const attempt = record.attempt + 1;
  const { crashes, delayMs } = computeRestart(record);
  const isCurrent = record.sandboxId === view.observed.sandboxes.at(-1)?.id;
  // A finished init container runs again in a new sandbox: what it prepared there is gone.
  const isRepeatedInit = role === 'init' && !isCurrent;
  if (!isRepeatedInit && !runsAgain(view.pod.spec, placed, exitCode)) {
    return { type: 'done', succeeded: exitCode === 0 };
  }
  if (record.hash !== hashContainer(container) || isResized(view, placed, record)) {
    return { type: 'create', attempt, crashes: 0 };
  }
  // The sandbox took it down (a reboot, say): not its own fault.
  if (!isCurrent) return { type: 'create', attempt, crashes: crashes - 1 };
  const remainingMs = delayMs - view.endedForMs(record);
  return remainingMs > 0 ? { type: 'back-off', remainingMs, delayMs } : { type: 'create', attempt, crashes };
}

/** It was made for other amounts than it gets now. */
function isResized(view: PodView, { container }: PlacedContainer, record: ContainerRecord): boolean {
  const asked = askedAmounts(record);
  const wanted = view.amounts(container);
  const keys = ['cpuShares', 'cpuLimitMillis', 'memoryLimitBytes'] as const;
  return asked !== undefined && keys.some((key) => asked[key] !== wanted[key]);
}
