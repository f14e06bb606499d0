/** `bramble drain`: cordons a board and evicts its pods, budgets respected; says first what would be lost. */
import { isStatusError } from '../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { sleep } from '../../shared/platform/clock.ts';
import { itemsOf, member, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { ClusterOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';
import { writeSchedulable } from './cordon.ts';

export interface DrainOptions extends ClusterOptions {
  node: string;
  ignoreDaemonsets?: boolean;
  deleteEmptydirData?: boolean;
  force?: boolean;
  gracePeriod?: number;
  /** Milliseconds. */
  timeout: number;
}

interface Pod {
  namespace: string;
  name: string;
  uid: string;
}

const POLL_MS = 500;
/** A budget that allows nothing now may allow it soon. */
const BUDGET_RETRY_MS = 2_000;

export async function drain(context: Context, options: DrainOptions): Promise<void> {
  const deadlineMs = context.clock.monotonicMs() + options.timeout;
  await withSession(context, options, async (session) => {
    await writeSchedulable(context, session.api, { ...options, name: options.node, cordon: true });
    const pods = await listPods(session, options.node);
    const { evict, troubles } = judgePods(pods, options);
    if (troubles.length > 0) {
      throw new Failure(
        EXIT.failed,
        `node/${options.node} is not drained: ${troubles.join('; ')}`,
        adviceFor(troubles),
      );
    }
    for (const pod of evict) await evictPod(context, session, { pod, options, deadlineMs });
    for (const pod of evict) await waitUntilGone(context, session, { pod, deadlineMs });
    writeResult(context, options, { object: `node/${options.node}`, result: 'drained' });
  });
}

async function listPods({ api }: Session, node: string): Promise<JsonObject[]> {
  return itemsOf(await api.object({ path: '/api/v1/pods', query: { fieldSelector: `spec.nodeName=${node}` } }));
}

/** Pure. What may be evicted, and what stands against it: the words of kubectl's flags. */
export function judgePods(
  pods: readonly JsonObject[],
  options: Pick<DrainOptions, 'ignoreDaemonsets' | 'deleteEmptydirData' | 'force'>,
): { evict: Pod[]; troubles: string[] } {
  const evict: Pod[] = [];
  const found = { daemons: [] as string[], data: [] as string[], lonely: [] as string[] };
  for (const pod of pods) {
    const { namespace, name, uid } = member(pod, 'metadata');
    const reference = `${textOf(namespace)}/${textOf(name)}`;
    if (isOver(pod)) evict.push({ namespace: textOf(namespace), name: textOf(name), uid: textOf(uid) });
    else if (controllerOf(pod) === 'DaemonSet') found.daemons.push(reference);
    else {
      if (controllerOf(pod) === undefined) found.lonely.push(reference);
      if (hasEmptyDir(pod)) found.data.push(reference);
      evict.push({ namespace: textOf(namespace), name: textOf(name), uid: textOf(uid) });
    }
  }
  const troubles = [
    ...(found.daemons.length > 0 && !options.ignoreDaemonsets
      ? [`pods of DaemonSets would come back: ${found.daemons.join(', ')}`]
      : []),
    ...(found.data.length > 0 && !options.deleteEmptydirData
      ? [`data in emptyDir would be lost: ${found.data.join(', ')}`]
      : []),
    ...(found.lonely.length > 0 && !options.force ? [`nothing would bring back: ${found.lonely.join(', ')}`] : []),
  ];
  return { evict, troubles };
}

function adviceFor(troubles: readonly string[]): string {
  const flags = troubles.map((text) =>
    text.startsWith('pods of') ? '--ignore-daemonsets' : text.startsWith('data') ? '--delete-emptydir-data' : '--force',
  );
  return `if that is wanted, add ${flags.join(' ')}`;
}

function isOver(pod: JsonObject): boolean {
  return ['Succeeded', 'Failed'].includes(textOf(member(pod, 'status')['phase']));
}

function controllerOf(pod: JsonObject): string | undefined {
  const owners = member(pod, 'metadata')['ownerReferences'];
  const owner = Array.isArray(owners)
    ? owners.filter(isJsonObject).find((each) => each['controller'] === true)
    : undefined;
  return owner === undefined ? undefined : textOf(owner['kind']);
}

function hasEmptyDir(pod: JsonObject): boolean {
  const volumes = member(pod, 'spec')['volumes'];
  return Array.isArray(volumes) && volumes.some((volume) => isJsonObject(volume) && isJsonObject(volume['emptyDir']));
}

interface Eviction {
  pod: Pod;
  options: DrainOptions;
  deadlineMs: number;
}

async function evictPod(context: Context, { api }: Session, { pod, options, deadlineMs }: Eviction): Promise<void> {
  const { namespace, name } = pod;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`;
  const grace = options.gracePeriod === undefined ? {} : { deleteOptions: { gracePeriodSeconds: options.gracePeriod } };
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace }, ...grace };
  for (;;) {
    try {
      await api.object({ method: 'POST', path, body });
      const evicted = { object: `pod/${name}`, namespace, result: 'evicted' };
      writeResult(context, options, evicted, `evicting pod ${namespace}/${name}`);
      return;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return;
      if (!isStatusError(error, 'TooManyRequests')) throw error;
      if (context.clock.monotonicMs() >= deadlineMs)
        throw late(`a disruption budget kept pod ${namespace}/${name} here`);
      await sleep(context.clock, BUDGET_RETRY_MS, context.signal);
    }
  }
}

async function waitUntilGone(
  context: Context,
  { api }: Session,
  { pod, deadlineMs }: Omit<Eviction, 'options'>,
): Promise<void> {
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}`;
  for (;;) {
    try {
      // A StatefulSet's next pod has the same name.
      if (member(await api.object({ path }), 'metadata')['uid'] !== pod.uid) return;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return;
      throw error;
    }
    if (context.clock.monotonicMs() >= deadlineMs) throw late(`pod ${pod.namespace}/${pod.name} did not end`);
    await sleep(context.clock, POLL_MS, context.signal);
  }
}

function late(what: string): Failure {
  return new Failure(
    EXIT.timeout,
    what,
    'the board stays cordoned; try again, or look with: bramble events -A --types Warning',
  );
}
