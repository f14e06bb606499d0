/** `bramble label` and `annotate`: words on objects; one that is there is changed only when that is wanted. */

import { renderReference } from '../api/resources.ts';
import { member, pathOf, readObject, type Selected, selectObjects } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';

export interface MarkOptions extends NamespaceOptions {
  kind: 'labels' | 'annotations';
  /** Objects first, then `key=value` or `key-`. */
  words: string[];
  selector?: string;
  all?: boolean;
  overwrite?: boolean;
}

export async function mark(context: Context, options: MarkOptions): Promise<void> {
  const { objects, changes } = splitWords(options.words);
  if (Object.keys(changes).length === 0) {
    throw new Failure(EXIT.usage, 'nothing to change', 'write KEY=VALUE to set, KEY- to take away');
  }
  await withSession(context, options, async (session) => {
    const selected = await selectObjects(context, session, { ...options, words: objects });
    if (selected.length === 0) context.stderr.write('No resources found\n');
    for (const each of selected) {
      await refuseOverwriting(session, each, { options, changes });
      await session.api.object({
        method: 'PATCH',
        path: pathOf(each),
        contentType: 'application/merge-patch+json',
        body: { metadata: { [options.kind]: changes } },
      });
      const result = options.kind === 'labels' ? 'labeled' : 'annotated';
      writeResult(context, options, { object: renderReference(each.resource, each.name), result });
    }
  });
}

type Changes = Readonly<Record<string, string | null>>;

/** `app=web` has a sign that no name of an object has; `app-` could be a name only before the first change. */
export function splitWords(words: readonly string[]): { objects: string[]; changes: Changes } {
  const first = words.findIndex(
    (word, index) => word.includes('=') || (index > 0 && /^[^/]+[^/-]-$|^.+\/.+-$/.test(word)),
  );
  const end = first === -1 ? words.length : first;
  const changes: Record<string, string | null> = {};
  for (const word of words.slice(end)) {
    const sign = word.indexOf('=');
    if (sign > 0) changes[word.slice(0, sign)] = word.slice(sign + 1);
    else if (word.endsWith('-')) changes[word.slice(0, -1)] = null;
    else throw new Failure(EXIT.usage, `"${word}" is no change`, 'write KEY=VALUE to set, KEY- to take away');
  }
  return { objects: words.slice(0, end), changes };
}

async function refuseOverwriting(
  session: Session,
  each: Selected,
  { options, changes }: { options: MarkOptions; changes: Changes },
): Promise<void> {
  if (options.overwrite) return;
  const present = member(await readObject(session, each), 'metadata', options.kind);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || present[key] === undefined || present[key] === value) continue;
    const reference = renderReference(each.resource, each.name);
    throw new Failure(
      EXIT.failed,
      `${reference} has ${key}=${String(present[key])} already`,
      'add --overwrite to change it',
    );
  }
}
