/** `bramble events`: what happened, oldest first, and what happens. */
import { renderDuration } from '../../shared/machinery/age.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { parseTime } from '../../shared/platform/clock.ts';
import { itemsOf, member, selectObjects, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { clean, renderColumns } from '../print/columns.ts';

export interface EventsOptions extends NamespaceOptions {
  watch?: boolean;
  /** `pod/web-1`. */
  for?: string;
  /** `Warning`, or several with commas. */
  types?: string;
  json?: boolean;
}

const TITLES = ['OBJECT', 'AGE', 'TYPE', 'REASON', 'MESSAGE'];

export async function events(context: Context, options: EventsOptions): Promise<void> {
  await withSession(context, options, async (session) => {
    const path = eventsPath(options.allNamespaces ? undefined : (options.namespace ?? session.profile.namespace));
    const fieldSelector = await renderFieldSelector(context, session, options);
    const list = await session.api.object({ path, query: { fieldSelector } });
    const wanted = createFilter(options);
    const present = sortByTime(itemsOf(list).filter(wanted));
    print(context, options, present);
    if (options.watch) await follow(context, session, { options, path, fieldSelector, list, wanted });
  });
}

/** Undefined: of all namespaces. */
export function eventsPath(namespace: string | undefined): string {
  return namespace === undefined ? '/api/v1/events' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}

async function renderFieldSelector(
  context: Context,
  session: Session,
  options: EventsOptions,
): Promise<string | undefined> {
  if (options.for === undefined) return undefined;
  const [object] = await selectObjects(context, session, { ...options, words: [options.for] });
  return object && `involvedObject.kind=${object.resource.kind},involvedObject.name=${object.name}`;
}

function createFilter({ types }: EventsOptions): (event: JsonObject) => boolean {
  const wanted = types?.split(',').map((type) => type.toLowerCase());
  return (event) => wanted === undefined || wanted.includes(textOf(event['type']).toLowerCase());
}

function print(context: Context, options: EventsOptions, list: readonly JsonObject[]): void {
  const { stdout, stderr } = context;
  if (options.json) for (const event of list) stdout.write(`${JSON.stringify(event)}\n`);
  else if (list.length > 0) stdout.write(renderColumns([TITLES, ...renderEventRows(list, context.clock.nowMs())]));
  else if (!options.watch) stderr.write('No events found\n');
}

interface Follow {
  options: EventsOptions;
  path: string;
  fieldSelector: string | undefined;
  list: JsonObject;
  wanted(event: JsonObject): boolean;
}

async function follow(
  context: Context,
  session: Session,
  { options, path, fieldSelector, list, wanted }: Follow,
): Promise<void> {
  const resourceVersion = textOf(member(list, 'metadata')['resourceVersion']);
  const changes = await session.api.events({ path, query: { watch: 'true', resourceVersion, fieldSelector } });
  for await (const change of changes) {
    if (!isJsonObject(change) || !isJsonObject(change['object'])) continue;
    if (change['type'] === 'ERROR') throw new Failure(EXIT.failed, textOf(change['object']['message']));
    if (change['type'] === 'BOOKMARK' || change['type'] === 'DELETED' || !wanted(change['object'])) continue;
    const event = change['object'];
    const [row = []] = renderEventRows([event], context.clock.nowMs());
    context.stdout.write(options.json ? `${JSON.stringify(event)}\n` : `${row.join('   ')}\n`);
  }
}

export function renderEventRows(list: readonly JsonObject[], nowMs: number): string[][] {
  return list.map((event) => {
    const object = member(event, 'involvedObject');
    const count = Number(member(event, 'series')['count'] ?? event['count'] ?? 1);
    const age = renderDuration(Math.max(0, nowMs - timeOf(event)));
    return [
      clean(`${textOf(object['kind']).toLowerCase()}/${textOf(object['name'])}`),
      count > 1 ? `${age} (x${count})` : age,
      clean(textOf(event['type'])),
      clean(textOf(event['reason'])),
      clean(textOf(event['message']).trim()),
    ];
  });
}

export function sortByTime(list: readonly JsonObject[]): JsonObject[] {
  return [...list].sort((left, right) => timeOf(left) - timeOf(right));
}

function timeOf(event: JsonObject): number {
  const series = member(event, 'series')['lastObservedTime'];
  const metadata = member(event, 'metadata')['creationTimestamp'];
  const times = [series, event['lastTimestamp'], event['eventTime'], metadata].map((time) =>
    parseTime(textOf(time) || undefined),
  );
  return times.find((time) => time !== undefined) ?? 0;
}
