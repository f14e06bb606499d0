/** `bramble delete`: asks for the deletion of objects, then waits until they are gone. */
import { isStatusError } from '../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { sleep } from '../../shared/platform/clock.ts';
import type { Api } from '../api/api.ts';
import { renderReference, resourcePath } from '../api/resources.ts';
import { type Selected, selectObjects } from '../api/select-objects.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';

export interface DeleteOptions extends NamespaceOptions {
  type?: string;
  names: string[];
  filename?: string[];
  recursive?: boolean;
  selector?: string;
  all?: boolean;
  gracePeriod?: number;
  wait: boolean;
}

const POLL_MS = 200;

export async function deleteObjects(context: Context, options: DeleteOptions): Promise<void> {
  if (options.filename === undefined && options.type === undefined) {
    throw new Failure(EXIT.usage, 'what is to be deleted?', 'name it as TYPE/NAME, or its manifest with -f');
  }
  await withSession(context, options, async (session) => {
    const { type, names } = options;
    const words = type === undefined ? [] : [type, ...names];
    const victims = await selectObjects(context, session, { ...options, words });
    if (victims.length === 0) context.stderr.write('No resources found\n');
    const uids: (string | undefined)[] = [];
    for (const victim of victims) {
      uids.push(await deleteOne(session.api, victim, options));
      writeResult(context, options, { object: renderReference(victim.resource, victim.name), result: 'deleted' });
    }
    if (!options.wait) return;
    for (const [index, victim] of victims.entries())
      await waitUntilGone(context, session.api, { victim, uid: uids[index] });
  });
}

/** The uid of what was deleted: another object may get the same name afterwards. */
async function deleteOne(api: Api, victim: Selected, options: DeleteOptions): Promise<string | undefined> {
  const path = resourcePath(victim.resource, victim.namespace, victim.name);
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Background',
    ...(options.gracePeriod === undefined ? {} : { gracePeriodSeconds: options.gracePeriod }),
  };
  const answer = await api.object({ method: 'DELETE', path, body });
  const details = isJsonObject(answer['details']) ? answer['details'] : metadataOf(answer);
  return typeof details['uid'] === 'string' ? details['uid'] : undefined;
}

async function waitUntilGone(
  context: Context,
  api: Api,
  { victim, uid }: { victim: Selected; uid: string | undefined },
): Promise<void> {
  const path = resourcePath(victim.resource, victim.namespace, victim.name);
  for (;;) {
    try {
      const present = metadataOf(await api.object({ path }));
      if (uid !== undefined && present['uid'] !== uid) return;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return;
      throw error;
    }
    await sleep(context.clock, POLL_MS, context.signal);
  }
}

function metadataOf(object: JsonObject): JsonObject {
  return isJsonObject(object['metadata']) ? object['metadata'] : {};
}
