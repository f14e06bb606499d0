/** Is it OK? One level, and a sentence for each reason, the worst first. Pure. */
import { hasLittleDisk, isHot } from './board-limits.ts';
import type {
  BoardView,
  PodView,
  RequestView,
  ServiceView,
  VerdictReason,
  VerdictView,
  WorkloadView,
} from './view-types.ts';

/** Sentences that the verdict holds; the rest is counted. */
const MAX_REASONS = 8;

export interface VerdictFacts {
  boards: Iterable<BoardView>;
  workloads: Iterable<WorkloadView>;
  pods: Iterable<PodView>;
  services: Iterable<ServiceView>;
  requests: Iterable<RequestView>;
}

export function computeVerdict(facts: VerdictFacts): VerdictView {
  const reasons = [...findReasons(facts)];
  const problems = reasons.filter(({ level }) => level === 'problem');
  const warnings = reasons.filter(({ level }) => level === 'warning');
  return {
    level: problems.length > 0 ? 'problem' : warnings.length > 0 ? 'warning' : 'ok',
    reasons: [...problems, ...warnings].slice(0, MAX_REASONS),
    more: Math.max(0, reasons.length - MAX_REASONS),
  };
}

function* findReasons({ boards, workloads, pods, services, requests }: VerdictFacts): Iterable<VerdictReason> {
  let count = 0;
  for (const board of boards) {
    count += 1;
    yield* boardReasons(board);
  }
  if (count === 0) yield { level: 'problem', text: 'No board has joined yet.' };
  for (const workload of workloads) yield* workloadReasons(workload);
  for (const pod of pods) yield* podReasons(pod);
  for (const { level, namespace, name } of services) {
    const about = `service/${namespace}/${name}`;
    if (level === 'warning') yield { level, text: `Service ${namespace}/${name} has no pod that is ready.`, about };
  }
  for (const { name, node } of requests) {
    yield { level: 'warning', text: `Board ${node} asks to be let in.`, about: `request/${name}` };
  }
}

function* boardReasons(board: BoardView): Iterable<VerdictReason> {
  const { name, temperatureCelsius = 0, throttleCelsius = 0 } = board;
  const about = `board/${name}`;
  if (!board.ready) yield { level: 'problem', text: `${name} is not ready: ${board.reason}`, about };
  if (board.underVoltage) {
    yield { level: 'problem', text: `${name} gets too little voltage: use a better power supply.`, about };
  }
  // What a lost board said last is no news.
  if (!board.ready) return;
  if (board.throttled) yield { level: 'warning', text: `${name} slows itself down.`, about };
  if (isHot(board)) {
    const text = `${name} is hot: ${temperatureCelsius.toFixed(0)} °C, its limit is ${throttleCelsius.toFixed(0)} °C.`;
    yield { level: 'warning', text, about };
  }
  if (hasLittleDisk(board)) yield { level: 'warning', text: `${name} has little disk left.`, about };
  for (const complaint of board.complaints) yield { level: 'warning', text: `${name}: ${complaint}`, about };
  if (board.cordoned) yield { level: 'warning', text: `${name} takes no new pods.`, about };
}

function* workloadReasons({ kind, namespace, name, level, state, owner }: WorkloadView): Iterable<VerdictReason> {
  // What its owner says says it too.
  if (owner !== undefined || (level !== 'problem' && level !== 'warning')) return;
  yield { level, text: `${kind} ${namespace}/${name}: ${state}.`, about: `workload/${kind}/${namespace}/${name}` };
}

function* podReasons({
  namespace,
  name,
  level,
  status,
  why,
  node,
  ready,
  containers,
}: PodView): Iterable<VerdictReason> {
  if (level !== 'problem' && level !== 'warning') return;
  const about = `pod/${namespace}/${name}`;
  const what =
    node === ''
      ? 'no board has room for it'
      : status === 'Running'
        ? `${ready} of ${containers.length} containers are ready`
        : status;
  // One pod is seldom all; its workload says when nothing is left.
  yield {
    level: 'warning',
    text: `Pod ${namespace}/${name}: ${what}${why === '' ? '' : `: ${why}`}`.replace(/([^.…])$/, '$1.'),
    about,
  };
}
