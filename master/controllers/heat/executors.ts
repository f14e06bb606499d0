/** What heat protection does: taints, conditions, evictions, and a word about each of them. */
import { NodeKind } from '../../../shared/api/node.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, type EventType, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Executors } from '../actions.ts';
import { isPodActive } from '../pod-state.ts';
import { thisObject, unlessGone } from '../requests.ts';
import type { HeatLedger } from './heat-ledger.ts';
import type { HeatMetrics } from './heat-metrics.ts';
import type { WorkloadRest } from './heat-state.ts';
import type { HeatMove } from './moves.ts';
import type { HeatActions } from './plan.ts';
import { messageOf } from './words.ts';

export interface HeatExecutorOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  events: EventRecorder;
  ledger: HeatLedger;
  metrics: HeatMetrics;
  controllerPods(uid: string): readonly Pod[];
}

/** A budget that forbids the move is asked again after this. */
const REFUSED_MS = 60_000;

export function createHeatExecutors(options: HeatExecutorOptions): Executors<HeatActions> {
  const { client, events } = options;
  return {
    setCondition: async ({ board, condition }) => {
      const { name, uid } = board.node.metadata;
      const body = { metadata: { uid }, status: { conditions: [condition] } };
      await unlessGone(client.patch(NodeKind, { name }, { type: 'strategic', subresource: 'status', body }));
      const { level } = board.heat;
      const type: EventType = level === 'cool' ? 'Normal' : 'Warning';
      const now = board.celsius === undefined ? '' : `${board.celsius.toFixed(1)} °C: `;
      events.event(subjectOf(NodeKind, board.node), type, condition.reason ?? '', now + messageOf(level, board.limits));
    },
    setTaints: async ({ node, taints }) => {
      // The list is replaced as a whole, so it must have been made from the state that is there.
      const { name, uid, resourceVersion } = node.metadata;
      const body = { metadata: { uid, resourceVersion }, spec: { taints } };
      await client.patch(NodeKind, { name }, { type: 'merge', body });
    },
    evict: ({ move }) => evict(options, move),
    tellStuck: async ({ board }) => {
      if (!options.ledger.noteStuck(board.node.metadata.name)) return;
      const message = 'the board is above its hard limit, and no pod of it can be moved or given up';
      events.event(subjectOf(NodeKind, board.node), 'Warning', 'NoRefugeFromHeat', message);
    },
  };
}

async function evict(options: HeatExecutorOptions, move: HeatMove): Promise<void> {
  const { client, clock, ledger, metrics, logger } = options;
  const { pod } = move.candidate;
  const { namespace, name, uid } = pod.metadata;
  const rest = restAfter(options, move);
  try {
    await client.post(PodKind, { namespace, name }, 'eviction', { deleteOptions: thisObject({ uid }) });
  } catch (error) {
    if (isStatusError(error, 'TooManyRequests')) {
      metrics.countRefusal();
      ledger.noteRefusal(uid, clock.monotonicMs() + REFUSED_MS);
      return;
    }
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return;
    throw error;
  }
  logger.info('a pod leaves a hot board', {
    pod: `${namespace}/${name}`,
    board: move.board.node.metadata.name,
    type: move.type,
  });
  ledger.noteMove(move.board.node.metadata.name, controllerOf(pod)?.uid ?? '', rest);
  metrics.countMove(move.type);
  tell(options, move);
}

/** As of before the move. */
function restAfter(
  { clock, ledger, controllerPods }: HeatExecutorOptions,
  { type, candidate }: HeatMove,
): WorkloadRest {
  const movedMs = clock.monotonicMs();
  const siblings = controllerPods(controllerOf(candidate.pod)?.uid ?? '');
  return {
    movedMs,
    untilMs: movedMs + ledger.settings.podRestMs,
    older: new Set(siblings.map(({ metadata }) => metadata.uid)),
    boundBefore: siblings.filter((sibling) => isPodActive(sibling) && sibling.spec.nodeName).length,
    cpuMillis: candidate.cpuMillis,
    isShed: type === 'shed',
  };
}

function tell({ events }: HeatExecutorOptions, { type, candidate: { pod, priority }, board, target }: HeatMove): void {
  const { name } = board.node.metadata;
  const how = `${board.celsius?.toFixed(1) ?? '?'} °C, hard limit ${board.limits.hardCelsius} °C`;
  const where =
    type === 'move'
      ? `${target} can take it`
      : 'every board that could take it is too warm, and more important pods stay';
  const what = type === 'move' ? 'moved away' : 'given up';
  events.event(subjectOf(PodKind, pod), 'Warning', 'Overheating', `${what} from ${name} (${how}): ${where}`);
  const reason = type === 'move' ? 'MovedPodForHeat' : 'GaveUpPodForHeat';
  const message = `${how}: pod ${pod.metadata.namespace}/${pod.metadata.name} (priority ${priority}) is ${what}: ${where}`;
  events.event(subjectOf(NodeKind, board.node), 'Warning', reason, message);
}
