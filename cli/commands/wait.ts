/** `bramble wait`: until objects are as they should be, or the time is over. */
import { isStatusError } from '../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { sleep } from '../../shared/platform/clock.ts';
import { renderReference } from '../api/resources.ts';
import { member, readObject, type Selected, selectObjects, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { compilePath, renderScalar } from '../print/json-path.ts';
import { writeResult } from '../print/result.ts';

export interface WaitOptions extends NamespaceOptions {
  words: string[];
  /** `condition=Ready`, `delete`, `create`, `jsonpath={.status.phase}=Running`. */
  for: string;
  selector?: string;
  all?: boolean;
  /** Milliseconds. */
  timeout: number;
}

/** Undefined: the object is not there. */
type Check = (object: JsonObject | undefined) => boolean;

const POLL_MS = 250;

export async function wait(context: Context, options: WaitOptions): Promise<void> {
  const check = parseCondition(options.for);
  const { clock } = context;
  const deadlineMs = clock.monotonicMs() + options.timeout;
  await withSession(context, options, async (session) => {
    const selected = await selectObjects(context, session, options);
    for (const each of selected) {
      const reference = renderReference(each.resource, each.name);
      while (!check(await readIfThere(session, each, options.for))) {
        if (clock.monotonicMs() >= deadlineMs) {
          throw new Failure(
            EXIT.timeout,
            `${reference}: ${options.for} did not come true`,
            `bramble describe ${reference} says more`,
          );
        }
        await sleep(clock, POLL_MS, context.signal);
      }
      writeResult(context, options, {
        object: reference,
        result: options.for === 'delete' ? 'deleted' : 'condition met',
      });
    }
    if (selected.length === 0) throw new Failure(EXIT.failed, 'no objects to wait for');
  });
}

/** What is waited for to appear or to go may be absent; everything else must be there. */
async function readIfThere(session: Session, each: Selected, condition: string): Promise<JsonObject | undefined> {
  try {
    return await readObject(session, each);
  } catch (error) {
    if (isStatusError(error, 'NotFound') && (condition === 'delete' || condition === 'create')) return undefined;
    throw error;
  }
}

export function parseCondition(text: string): Check {
  if (text === 'delete') return (object) => object === undefined;
  if (text === 'create') return (object) => object !== undefined;
  const condition = /^condition=([^=]+)(?:=(.+))?$/.exec(text);
  if (condition !== null) {
    const [, type = '', status = 'True'] = condition;
    return (object) => hasCondition(object, type, status);
  }
  const path = /^jsonpath=(['"]?)(\{.+\})\1(?:=(.*))?$/.exec(text);
  if (path !== null) {
    const find = compilePath(path[2] ?? '');
    const [, , , wanted] = path;
    return (object) => {
      const values = object === undefined ? [] : find(object);
      return wanted === undefined ? values.length > 0 : values.some((value) => renderScalar(value) === wanted);
    };
  }
  throw new Failure(
    EXIT.usage,
    `--for "${text}" cannot be read`,
    'write condition=Ready, delete, create or jsonpath={.path}=value',
  );
}

function hasCondition(object: JsonObject | undefined, type: string, status: string): boolean {
  if (object === undefined) return false;
  const state = member(object, 'status');
  // A status of before the last change says nothing about it.
  const observed = state['observedGeneration'];
  const generation = member(object, 'metadata')['generation'];
  if (typeof observed === 'number' && typeof generation === 'number' && observed < generation) return false;
  const conditions = Array.isArray(state['conditions']) ? state['conditions'].filter(isJsonObject) : [];
  const found = conditions.find((each) => textOf(each['type']).toLowerCase() === type.toLowerCase());
  return found !== undefined && textOf(found['status']).toLowerCase() === status.toLowerCase();
}
