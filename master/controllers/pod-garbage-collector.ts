/**
 * The pod garbage collector: pods that nobody will ever finish. Those on a node whose Node object is gone, those that were
 * deleted before they had a node, the oldest of too many that have ended, and those that a node ended some time ago.
 */
import { NodeKind } from '../../shared/api/node.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import type { ReconcileResult } from '../../shared/client/controller.ts';
import { keyOf, parseKey } from '../../shared/client/informer.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { parseTime } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import { BY_NODE, type Environment, type Informers } from './informers.ts';
import { EndTimes } from './job/end-times.ts';
import { computeNodeEnded, isEndedByNode } from './node-ended-pods.ts';
import { thisObject, unlessGone } from './requests.ts';
import { SyncedController } from './synced-controller.ts';

/** Ended pods that are kept for people to look at. */
export const MAX_ENDED_PODS = 1_000;

/** A Node object that is made anew within this time keeps its pods. */
const NODE_GONE_GRACE_MS = 5_000;

const ENDED_KEY = 'ended';
const NODE_ENDED_KEY = 'node-ended';
const NODE_PREFIX = 'node ';
const POD_PREFIX = 'pod ';

export function createPodGarbageCollector(environment: Environment, informers: Informers): Component {
  const { client, clock, logger } = environment;
  const { nodes, pods } = informers;
  const endTimes = new EndTimes(clock);
  const remove = async (doomed: readonly Pod[], why: string): Promise<void> => {
    for (const pod of doomed) {
      logger.info('pod collected', { pod: keyOf(pod), why });
      const options = { gracePeriodSeconds: 0, ...thisObject(pod.metadata) };
      await unlessGone(client.delete(PodKind, parseKey(keyOf(pod)), options));
    }
  };
  const removeNodeEnded = async (): Promise<ReconcileResult> => {
    const ended = pods.list().filter(isEndedByNode);
    endTimes.note(ended);
    const times = { nowMs: clock.nowMs(), seenForMs: (pod: Pod) => endTimes.seenForMs(pod) };
    const { due, nextInMs } = computeNodeEnded(ended, times);
    await remove(due, 'its node ended it');
    return nextInMs === undefined ? {} : { requeueAfterMs: nextInMs };
  };
  const controller = new SyncedController({
    ...environment,
    name: 'pod-garbage-collector',
    informers: [nodes, pods],
    async reconcile(key) {
      if (key === NODE_ENDED_KEY) return removeNodeEnded();
      if (key === ENDED_KEY) await remove(computeExcessPods(pods.list()), 'too many ended pods');
      else if (key.startsWith(NODE_PREFIX)) {
        const node = key.slice(NODE_PREFIX.length);
        if (await isNodeGone(node, nodes, client)) await remove(pods.byIndex(BY_NODE, node), 'its node is gone');
      } else {
        const pod = pods.get(key.slice(POD_PREFIX.length));
        if (pod !== undefined && isDeletedUnscheduled(pod)) await remove([pod], 'deleted before it had a node');
      }
      return {};
    },
  });
  nodes.onChange((key, current) => {
    if (current === undefined) controller.enqueueAfter(`${NODE_PREFIX}${key}`, NODE_GONE_GRACE_MS);
  });
  pods.onChange((key, current, previous) => {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid)
      endTimes.forget(previous.metadata.uid);
    if (current === undefined) return;
    const { nodeName } = current.spec;
    if (isDeletedUnscheduled(current)) controller.enqueue(`${POD_PREFIX}${key}`);
    if (hasEnded(current) && (previous === undefined || !hasEnded(previous))) controller.enqueue(ENDED_KEY);
    if (isEndedByNode(current) && (previous === undefined || !isEndedByNode(previous)))
      controller.enqueue(NODE_ENDED_KEY);
    const isNewThere = nodeName && previous?.spec.nodeName !== nodeName;
    if (isNewThere && nodes.get(nodeName) === undefined) {
      controller.enqueueAfter(`${NODE_PREFIX}${nodeName}`, NODE_GONE_GRACE_MS);
    }
  });
  return controller;
}

/** The informer may be behind. */
async function isNodeGone(name: string, nodes: Informers['nodes'], client: Client): Promise<boolean> {
  if (nodes.get(name) !== undefined) return false;
  try {
    await client.get(NodeKind, { name });
    return false;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return true;
    throw error;
  }
}

/** The oldest of the ended pods beyond the limit. Pure. */
export function computeExcessPods(pods: readonly Pod[], limit = MAX_ENDED_PODS): Pod[] {
  const ended = pods.filter(hasEnded);
  if (ended.length <= limit) return [];
  return ended.sort((a, b) => createdMs(a) - createdMs(b)).slice(0, ended.length - limit);
}

function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}

function isDeletedUnscheduled({ metadata, spec }: Pod): boolean {
  const isHeld = (metadata.finalizers ?? []).length > 0;
  return metadata.deletionTimestamp !== undefined && !spec.nodeName && !isHeld;
}

function createdMs({ metadata }: Pod): number {
  return parseTime(metadata.creationTimestamp) ?? 0;
}
