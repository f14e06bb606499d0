/** `bramble rollout`: status, history, undo, restart, pause and resume of what rolls out. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { formatTime, sleep } from '../../shared/platform/clock.ts';
import { renderReference, resourcePath } from '../api/resources.ts';
import { itemsOf, member, pathOf, readObject, type Selected, selectObjects, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { clean, renderColumns } from '../print/columns.ts';
import { writeResult } from '../print/result.ts';

export interface RolloutOptions extends NamespaceOptions {
  verb: 'status' | 'history' | 'undo' | 'restart' | 'pause' | 'resume';
  words: string[];
  /** 0: the one before. */
  toRevision?: number;
  /** Milliseconds. */
  timeout?: number;
}

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'];
const POLL_MS = 300;
const REVISION = 'deployment.kubernetes.io/revision';
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

interface Job {
  context: Context;
  session: Session;
  options: RolloutOptions;
  each: Selected;
  reference: string;
}

const VERBS: Record<RolloutOptions['verb'], (job: Job) => Promise<void>> = {
  status,
  history,
  undo,
  restart,
  pause,
  resume,
};

export async function rollout(context: Context, options: RolloutOptions): Promise<void> {
  await withSession(context, options, async (session) => {
    for (const each of await selectObjects(context, session, options)) {
      const reference = renderReference(each.resource, each.name);
      if (!KINDS.includes(each.resource.kind)) {
        throw new Failure(EXIT.usage, `${reference} does not roll out`, `only ${KINDS.join(', ')} do`);
      }
      await VERBS[options.verb]({ context, session, options, each, reference });
    }
  });
}

async function status({ context, session, options, each, reference }: Job): Promise<void> {
  const deadlineMs = context.clock.monotonicMs() + (options.timeout ?? Number.POSITIVE_INFINITY);
  let said = '';
  for (;;) {
    const object = await readObject(session, each);
    const { done, message } = judgeRollout(object);
    if (message !== said) {
      writeResult(context, options, { object: reference, result: message, done }, `${reference}: ${message}`);
    }
    said = message;
    if (done) return;
    if (context.clock.monotonicMs() >= deadlineMs)
      throw new Failure(EXIT.timeout, `${reference} is not rolled out yet`);
    await sleep(context.clock, POLL_MS, context.signal);
  }
}

/** Pure. Throws a Failure for a rollout that the controller gave up. */
export function judgeRollout(object: JsonObject): { done: boolean; message: string } {
  const [spec, state, metadata] = [member(object, 'spec'), member(object, 'status'), member(object, 'metadata')];
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
  if (count(state['observedGeneration']) < count(metadata['generation'])) {
    return { done: false, message: 'waiting until the change is seen' };
  }
  const isDaemon = object['kind'] === 'DaemonSet';
  const wanted = isDaemon
    ? count(state['desiredNumberScheduled'])
    : typeof spec['replicas'] === 'number'
      ? spec['replicas']
      : 1;
  const updated = count(state[isDaemon ? 'updatedNumberScheduled' : 'updatedReplicas']);
  const available = count(state[isDaemon ? 'numberAvailable' : 'availableReplicas']);
  failWhenGivenUp(state);
  const needed = wanted - partitionOf(spec);
  if (updated < needed) return { done: false, message: `${updated} of ${needed} new pods are there` };
  const old = object['kind'] === 'Deployment' ? count(state['replicas']) - updated : 0;
  if (old > 0) return { done: false, message: `${old} old pods are still there` };
  if (available < wanted) return { done: false, message: `${available} of ${wanted} pods are available` };
  return { done: true, message: 'successfully rolled out' };
}

function failWhenGivenUp(state: JsonObject): void {
  const conditions = Array.isArray(state['conditions']) ? state['conditions'].filter(isJsonObject) : [];
  const progressing = conditions.find((each) => each['type'] === 'Progressing');
  if (progressing?.['reason'] !== 'ProgressDeadlineExceeded') return;
  throw new Failure(
    EXIT.failed,
    `it exceeded its progress deadline: ${textOf(progressing['message'])}`,
    'bramble rollout undo goes back',
  );
}

function partitionOf(spec: JsonObject): number {
  const partition = member(spec, 'updateStrategy', 'rollingUpdate')['partition'];
  return typeof partition === 'number' ? partition : 0;
}

interface Revision {
  revision: number;
  template: JsonObject;
  cause: string;
}

async function history({ context, session, options, each, reference }: Job): Promise<void> {
  const revisions = (await listRevisions(session, each)).map(({ revision, template, cause }) => {
    const containers = member(template, 'spec')['containers'];
    const images = (Array.isArray(containers) ? containers : [])
      .filter(isJsonObject)
      .map((one) => textOf(one['image']));
    return { revision, images, cause };
  });
  if (options.json) {
    context.stdout.write(`${JSON.stringify({ object: reference, revisions })}\n`);
    return;
  }
  const rows = revisions.map(({ revision, images, cause }) => {
    return [String(revision), clean(images.join(', ')), clean(cause) || '<none>'];
  });
  context.stdout.write(`${reference}\n${renderColumns([['REVISION', 'IMAGES', 'CHANGE-CAUSE'], ...rows])}`);
}

/** Oldest first. Of a Deployment its ReplicaSets, of the others their ControllerRevisions. */
async function listRevisions(session: Session, each: Selected): Promise<Revision[]> {
  const owner = member(await readObject(session, each), 'metadata')['uid'];
  const plural = each.resource.kind === 'Deployment' ? 'replicasets' : 'controllerrevisions';
  const path = resourcePath({ ...each.resource, plural }, each.namespace);
  const items = itemsOf(await session.api.object({ path })).filter((item) => isOwnedBy(item, owner));
  return items.map(readRevision).sort((left, right) => left.revision - right.revision);
}

function isOwnedBy(item: JsonObject, uid: unknown): boolean {
  const owners = member(item, 'metadata')['ownerReferences'];
  return Array.isArray(owners) && owners.some((owner) => isJsonObject(owner) && owner['uid'] === uid);
}

function readRevision(item: JsonObject): Revision {
  const annotations = member(item, 'metadata', 'annotations');
  const isReplicaSet = item['data'] === undefined;
  return {
    revision: Number(isReplicaSet ? (annotations[REVISION] ?? 0) : item['revision']),
    template: isReplicaSet ? withoutHash(member(item, 'spec', 'template')) : member(item, 'data', 'spec', 'template'),
    cause: textOf(annotations['kubernetes.io/change-cause']),
  };
}

function withoutHash(template: JsonObject): JsonObject {
  const metadata = member(template, 'metadata');
  const { 'pod-template-hash': _, ...labels } = member(metadata, 'labels');
  return { ...template, metadata: { ...metadata, labels } };
}

async function undo({ context, session, options, each, reference }: Job): Promise<void> {
  const revisions = await listRevisions(session, each);
  const wanted = options.toRevision ?? 0;
  const target = wanted === 0 ? revisions.at(-2) : revisions.find(({ revision }) => revision === wanted);
  if (target === undefined) {
    const known = revisions.map(({ revision }) => revision).join(', ');
    throw new Failure(
      EXIT.failed,
      `${reference} has no ${wanted === 0 ? 'revision before this one' : `revision ${wanted}`}`,
      `it has ${known}`,
    );
  }
  // The template as a whole takes the place of the present one: what was added since must go.
  const body = [{ op: 'replace', path: '/spec/template', value: withoutRevisionMark(target.template) }];
  await session.api.object({ method: 'PATCH', path: pathOf(each), contentType: 'application/json-patch+json', body });
  const { revision } = target;
  const done = { object: reference, result: 'rolled back', revision };
  writeResult(context, options, done, `${reference} rolled back to revision ${revision}`);
}

/** ControllerRevisions carry `$patch: replace`, a word to strategic merges. */
function withoutRevisionMark(template: JsonObject): JsonObject {
  const { $patch: _, ...rest } = template;
  return rest;
}

async function restart({ context, session, options, each, reference }: Job): Promise<void> {
  const annotations = { [RESTARTED_AT]: formatTime(context.clock.nowMs()) };
  await patchSpec(session, each, { template: { metadata: { annotations } } });
  writeResult(context, options, { object: reference, result: 'restarted' });
}

async function pause(job: Job): Promise<void> {
  await setPaused(job, true);
}

async function resume(job: Job): Promise<void> {
  await setPaused(job, null);
}

async function setPaused({ context, session, options, each, reference }: Job, paused: true | null): Promise<void> {
  if (each.resource.kind !== 'Deployment')
    throw new Failure(EXIT.usage, `${reference} cannot be paused`, 'only deployments can');
  await patchSpec(session, each, { paused });
  writeResult(context, options, { object: reference, result: paused ? 'paused' : 'resumed' });
}

function patchSpec(session: Session, each: Selected, spec: JsonObject): Promise<JsonObject> {
  return session.api.object({
    method: 'PATCH',
    path: pathOf(each),
    contentType: 'application/merge-patch+json',
    body: { spec },
  });
}
