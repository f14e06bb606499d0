/**
 * The kubelet's heart: what to do next for a pod. Pure: the same view gives the same plan, and a plan that was carried out
 * halfway, twice or not at all is made up for by the next one.
 */
import type { Container } from '../../../shared/api/container.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { computeTermination, stop } from './compute-termination.ts';
import { type ContainerIntent, computeContainerIntent } from './container-intent.ts';
import { type ObservedPod, readySandbox, runsOf } from './observed-pod.ts';
import { NOTHING_TO_DO, type PodAction, type PodPlan } from './pod-actions.ts';
import {
  type ContainerRole,
  containersOf,
  isSidecar,
  type PlacedContainer,
  sidecarsOf,
  targetOf,
} from './pod-containers.ts';
import { isTerminalPhase, type PodView } from './pod-view.ts';
import { runsAgain } from './restart-policy.ts';

/** Ended runs that are kept for `lastState` and `logs --previous`, beside the latest run. */
const KEPT_PREVIOUS_RUNS = 1;

/** For pods that the API server has forgotten: their replacement may run already. */
const VANISHED_GRACE_SECONDS = 2;

export function computePodActions(view: PodView): PodPlan {
  const { pod } = view;
  if (pod.metadata.deletionTimestamp !== undefined) return terminate(view, 'delete');
  if (isTerminalPhase(pod.status.phase) || isPastDeadline(view) || view.ending) return terminate(view, 'finish');
  const sandbox = readySandbox(view.observed);
  const plan = sandbox === undefined ? computeSandbox(view) : computeContainers(view, sandbox.id);
  return withDeadline(view, plan);
}

/** For a UID that the API server does not know. */
export function computeVanishedActions(
  observed: ObservedPod,
  stoppingGraceSeconds: PodView['stoppingGraceSeconds'],
): PodPlan {
  const graceSeconds = VANISHED_GRACE_SECONDS;
  return computeTermination({ observed, graceSeconds, sidecars: [], stoppingGraceSeconds, mode: 'vanish' });
}

function terminate(view: PodView, mode: 'finish' | 'delete'): PodPlan {
  const { pod, observed, ending } = view;
  const { deletionGracePeriodSeconds } = pod.metadata;
  const own = deletionGracePeriodSeconds ?? gracePeriodSeconds(view);
  const graceSeconds = Math.min(own, ending?.graceSeconds ?? own);
  const sidecars = sidecarsOf(pod).map(({ name }) => name);
  const { stoppingGraceSeconds } = view;
  return computeTermination({ observed, graceSeconds, sidecars, stoppingGraceSeconds, mode });
}

/** A new sandbox for a pod without one: first everything that lived in the old one goes. */
function computeSandbox(view: PodView): PodPlan {
  const { observed, volumesReady, volumesComing } = view;
  const running = observed.containers.filter(({ state }) => state === 'running');
  const input = { graceSeconds: gracePeriodSeconds(view), stoppingGraceSeconds: view.stoppingGraceSeconds };
  if (running.length > 0) return soon(running.flatMap((record) => stop(input, record)));
  const removals: PodAction[] = observed.sandboxes.map(({ id }) => ({ type: 'remove-sandbox', id }));
  if (!needsSandbox(view) || !(volumesReady || volumesComing)) return soon(removals);
  const waitMs = view.sandboxProblem?.retryInMs ?? 0;
  if (waitMs > 0) return { actions: removals, lookAgainMs: waitMs };
  const attempt = (observed.sandboxes.at(-1)?.attempt ?? lastSandboxAttempt(view)) + 1;
  return soon([...removals, ...imagesOfFirst(view), { type: 'run-sandbox', attempt }]);
}

/** Images of what a pod begins with are looked for while its sandbox is made. */
function imagesOfFirst(view: PodView): PodAction[] {
  const { spec } = view.pod;
  const [init] = spec.initContainers ?? [];
  const first: PlacedContainer[] =
    init === undefined
      ? spec.containers.map((container) => ({ container, role: 'main' }))
      : [{ container: init, role: 'init' }];
  return first.flatMap((placed): PodAction[] => {
    const intent = computeContainerIntent(view, placed);
    const { name } = placed.container;
    if (intent.type !== 'create' || view.image(name, intent.attempt) !== undefined) return [];
    return [{ type: 'ensure-image', container: name, role: placed.role, attempt: intent.attempt }];
  });
}

/** Runs of containers tell of sandboxes that are gone, so that no name is used twice for different things. */
function lastSandboxAttempt({ observed }: PodView): number {
  const attempts = observed.containers.map(({ annotations }) => Number(annotations[SANDBOX_ATTEMPT_ANNOTATION] ?? 0));
  return Math.max(-1, ...attempts);
}

/** Annotation of a container: attempt of the sandbox that it was made in. */
export const SANDBOX_ATTEMPT_ANNOTATION = 'bramble.dev/sandbox-attempt';

/** Whether a container still has to run. With Never, what did not get its turn before the sandbox went does not get it. */
export function needsSandbox({ pod, observed }: PodView): boolean {
  const { restartPolicy, containers } = pod.spec;
  const mayBegin = restartPolicy !== 'Never' || observed.containers.length === 0;
  return containers.some((container) => {
    const record = runsOf(observed, container.name).at(-1);
    if (record === undefined) return mayBegin;
    return record.exit === undefined ? mayBegin : runsAgain(pod.spec, { container, role: 'main' }, record.exit.code);
  });
}

function computeContainers(view: PodView, sandboxId: string): PodPlan {
  const { spec } = view.pod;
  const mains = spec.containers.map((container) => step(view, { container, role: 'main' }, sandboxId));
  if (mains.every(({ intent }) => intent.type === 'done')) return terminate(view, 'finish');
  const inits = computeInits(view, sandboxId);
  if (inits.failed) return terminate(view, 'finish');
  const steps = [
    ...computeEphemerals(view, sandboxId),
    ...inits.steps,
    ...(inits.initialized ? inTurn(view, spec.containers, mains) : []),
  ];
  const stale = view.observed.sandboxes.filter(({ id }) => id !== sandboxId);
  const removals: PodAction[] = stale.map(({ id }) => ({ type: 'remove-sandbox', id }));
  const actions = [...removals, ...steps.flatMap(({ actions }) => actions), ...computeCleanup(view)];
  return { actions, lookAgainMs: earliest(steps.map(({ lookAgainMs }) => lookAgainMs)) };
}

/** Whoever looks into a pod may do so at any time, even while an init container fails. */
function computeEphemerals(view: PodView, sandboxId: string): Step[] {
  const { ephemeralContainers = [] } = view.pod.spec;
  return ephemeralContainers.map((container) => step(view, { container, role: 'ephemeral' }, sandboxId));
}

/** What is done after the start of one container comes before the start of the next. */
function inTurn(view: PodView, containers: readonly Container[], steps: readonly Step[]): Step[] {
  const busy = steps.findIndex(({ intent }, index) => {
    const container = containers[index];
    return container?.lifecycle?.postStart !== undefined && (isBeginning(intent) || isStarting(view, container.name));
  });
  return steps.filter(({ intent }, index) => busy < 0 || index <= busy || !isBeginning(intent));
}

function isBeginning({ type }: ContainerIntent): boolean {
  return type === 'create' || type === 'launch' || type === 'back-off';
}

function isStarting({ observed, postStart }: PodView, name: string): boolean {
  const record = runsOf(observed, name).at(-1);
  return record?.state === 'running' && postStart(record) === 'running';
}

interface Step extends PodPlan {
  intent: ContainerIntent;
}

/** Init containers up to the one whose turn it is, sidecars that run on included. */
function computeInits(view: PodView, sandboxId: string): { initialized: boolean; failed: boolean; steps: Step[] } {
  const steps: Step[] = [];
  const alreadyInitialized = isInitialized(view, sandboxId);
  for (const container of view.pod.spec.initContainers ?? []) {
    if (alreadyInitialized && !isSidecar(container)) continue;
    const next = step(view, { container, role: 'init' }, sandboxId);
    steps.push(next);
    if (next.intent.type === 'done' && !next.intent.succeeded) return { initialized: false, failed: true, steps };
    if (!alreadyInitialized && !isInitStepOver(view, container, next))
      return { initialized: false, failed: false, steps };
  }
  return { initialized: true, failed: false, steps };
}

function isInitStepOver(view: PodView, container: Container, { intent }: Step): boolean {
  if (!isSidecar(container)) return intent.type === 'done';
  const record = runsOf(view.observed, container.name).at(-1);
  if (intent.type !== 'keep' || record === undefined) return false;
  return view.postStart(record) === undefined && view.probes.isStarted(record);
}

/** Once a main container was made in this sandbox, initialization is over, whatever was removed since. */
export function isInitialized({ pod, observed }: PodView, sandboxId: string | undefined): boolean {
  const mains = new Set(pod.spec.containers.map(({ name }) => name));
  return observed.containers.some((record) => record.sandboxId === sandboxId && mains.has(record.name));
}

function step(view: PodView, placed: PlacedContainer, sandboxId: string): Step {
  const intent = computeContainerIntent(view, placed);
  const { name } = placed.container;
  switch (intent.type) {
    case 'keep':
    case 'done':
      return { intent, ...NOTHING_TO_DO };
    case 'back-off':
      return { intent, actions: [], lookAgainMs: intent.remainingMs };
    case 'stop': {
      const graceSeconds = intent.graceSeconds ?? gracePeriodSeconds(view);
      const { stoppingGraceSeconds } = view;
      return { intent, ...soon(stop({ graceSeconds, stoppingGraceSeconds }, intent.record, intent.message)) };
    }
    case 'resize':
      return { intent, ...resize(view, name, intent) };
    case 'launch': {
      const { id, attempt } = intent.record;
      return { intent, ...soon([{ type: 'start-container', container: name, id, attempt }]) };
    }
    case 'create':
      return { intent, ...create(view, { ...intent, container: name, role: placed.role, sandboxId }) };
  }
}

function resize(view: PodView, container: string, intent: Extract<ContainerIntent, { type: 'resize' }>): PodPlan {
  const { record, amounts } = intent;
  const waitMs = view.resizeProblem(container)?.retryInMs ?? 0;
  if (waitMs > 0) return { actions: [], lookAgainMs: waitMs };
  return soon([{ type: 'update-container', container, id: record.id, amounts }]);
}

interface Creation {
  container: string;
  role: ContainerRole;
  sandboxId: string;
  attempt: number;
  crashes: number;
}

/** Waits for volumes, then for the image, then for the end of an earlier failure's pause; with a target, for its run. */
function create(view: PodView, creation: Creation): PodPlan {
  const { container, role, attempt, sandboxId, crashes } = creation;
  if (!view.volumesReady) return NOTHING_TO_DO;
  const target = targetOf(view.pod, container);
  if (target !== undefined && runsOf(view.observed, target).at(-1)?.state !== 'running') return NOTHING_TO_DO;
  const problem = view.startProblem(container, attempt);
  if (problem !== undefined && problem.retryInMs > 0) return { actions: [], lookAgainMs: problem.retryInMs };
  const verdict = view.image(container, attempt);
  if (verdict?.type === 'pulling') return NOTHING_TO_DO;
  if (verdict?.type === 'present') {
    return soon([{ type: 'create-container', container, role, sandboxId, attempt, crashes }]);
  }
  if (verdict?.type === 'failed' && verdict.retryInMs > 0) return { actions: [], lookAgainMs: verdict.retryInMs };
  return soon([{ type: 'ensure-image', container, role, attempt }]);
}

/** Ended runs beyond the kept ones, and runs of containers that the pod does not have. */
function computeCleanup({ pod, observed }: PodView): PodAction[] {
  const names = containersOf(pod.spec).map(({ container }) => container.name);
  const kept = new Set(
    names.flatMap((name) => runsOf(observed, name).slice(-1 - KEPT_PREVIOUS_RUNS)).map(({ id }) => id),
  );
  const surplus = observed.containers.filter(({ id, state }) => state !== 'running' && !kept.has(id));
  return surplus.map(({ id }) => ({ type: 'remove-container', id }));
}

function gracePeriodSeconds({ pod }: PodView): number {
  return pod.spec.terminationGracePeriodSeconds ?? 30;
}

/** Milliseconds until activeDeadlineSeconds are over; undefined: there is no deadline, or it does not run yet. */
function deadlineInMs({ pod, nowMs }: PodView): number | undefined {
  const startMs = parseTime(pod.status.startTime);
  const { activeDeadlineSeconds } = pod.spec;
  if (activeDeadlineSeconds === undefined || startMs === undefined) return undefined;
  return startMs + activeDeadlineSeconds * 1000 - nowMs;
}

export function isPastDeadline(view: PodView): boolean {
  const inMs = deadlineInMs(view);
  return inMs !== undefined && inMs <= 0;
}

function withDeadline(view: PodView, plan: PodPlan): PodPlan {
  return { ...plan, lookAgainMs: earliest([plan.lookAgainMs, deadlineInMs(view)]) };
}

function soon(actions: PodAction[]): PodPlan {
  return { actions, lookAgainMs: undefined };
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
