/** What `bramble doctor` says of each board of the cluster: what the board found itself, its clock, its version, its conditions. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { itemsOf, member, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { messageOf } from '../failure.ts';
import type { ClusterOptions } from '../options.ts';
import type { Finding } from '../print/finding.ts';

export interface BoardFindings {
  board: string;
  findings: Finding[];
}

/** Asked at the same time. */
const MAX_PARALLEL_BOARDS = 8;

/** Certificates and tokens are judged by the clock; half a minute is what they forgive. */
const MAX_CLOCK_SKEW_MS = 30_000;

export async function examineBoards(context: Context, options: ClusterOptions): Promise<BoardFindings[]> {
  return withSession(context, options, async (session) => {
    const nodes = itemsOf(await session.api.object({ path: '/api/v1/nodes' }));
    const { gitVersion } = await session.api.object({ path: '/version' });
    const found: BoardFindings[] = [];
    for (let start = 0; start < nodes.length; start += MAX_PARALLEL_BOARDS) {
      const slice = nodes.slice(start, start + MAX_PARALLEL_BOARDS);
      found.push(
        ...(await Promise.all(
          slice.map((node) => examineBoard(context, session, { node, version: textOf(gitVersion) })),
        )),
      );
    }
    return found;
  });
}

async function examineBoard(
  context: Context,
  { api }: Session,
  { node, version }: { node: JsonObject; version: string },
): Promise<BoardFindings> {
  const board = textOf(member(node, 'metadata')['name']);
  try {
    const beforeMs = context.clock.nowMs();
    const report = await api.object({ path: `/api/v1/nodes/${encodeURIComponent(board)}/proxy/doctor` });
    const middleMs = (beforeMs + context.clock.nowMs()) / 2;
    const own = Array.isArray(report['findings']) ? report['findings'].filter(isFinding) : [];
    const clock = checkClock(Number(report['timeMs']) - middleMs);
    return {
      board,
      findings: [checkVersion(textOf(report['version']), version), clock, ...own, ...conditionFindings(node)],
    };
  } catch (error) {
    const hint = 'is it on, and on the network? on the board: systemctl status bramble-agent';
    return { board, findings: [{ name: 'Agent', result: 'problem', message: messageOf(error), hint }] };
  }
}

function isFinding(value: unknown): value is Finding {
  return isJsonObject(value) && ['name', 'result', 'message'].every((key) => typeof value[key] === 'string');
}

export function checkVersion(own: string, masters: string): Finding {
  if (own === masters) return { name: 'Version', result: 'fine', message: own };
  const hint = 'bramble node update brings a version to boards';
  return { name: 'Version', result: 'warning', message: `${own}, the master has ${masters}`, hint };
}

/** Against the clock of this machine. */
export function checkClock(aheadMs: number): Finding {
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  if (Math.abs(aheadMs) <= MAX_CLOCK_SKEW_MS) return { name: 'Clock', result: 'fine', message: 'right' };
  const message = `${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine`;
  return { name: 'Clock', result: 'warning', message, hint: 'on the board: timedatectl, is there a time server?' };
}

/** Conditions of a Node that are well when they are true; all others are well when they are false. */
const WELL_WHEN_TRUE: ReadonlySet<string> = new Set(['Ready', 'bramble.dev/MemoryLimits']);

/** Those that are not well. */
export function conditionFindings(node: JsonObject): Finding[] {
  const conditions = member(node, 'status')['conditions'];
  if (!Array.isArray(conditions)) return [];
  return conditions.filter(isJsonObject).flatMap((condition): Finding[] => {
    const [type, status, message] = ['type', 'status', 'message'].map((key) => textOf(condition[key]));
    if (type === undefined || status === (WELL_WHEN_TRUE.has(type) ? 'True' : 'False')) return [];
    return [
      {
        name: type.replace(/^bramble\.dev\//, ''),
        result: type === 'Ready' ? 'problem' : 'warning',
        message: message || `is ${status}`,
      },
    ];
  });
}
