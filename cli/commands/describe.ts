/** `bramble describe`: everything of an object that a person can read, and what happened to it. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { itemsOf, member, readObject, type Selected, selectObjects, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { NamespaceOptions } from '../options.ts';
import { clean, renderColumns } from '../print/columns.ts';
import { eventsPath, renderEventRows, sortByTime } from './events.ts';

export interface DescribeOptions extends NamespaceOptions {
  words: string[];
  selector?: string;
}

export async function describe(context: Context, options: DescribeOptions): Promise<void> {
  await withSession(context, options, async (session) => {
    const selected = await selectObjects(context, session, { ...options, typeIsEnough: true });
    for (const [index, each] of selected.entries()) {
      const object = await readObject(session, each);
      const events = await readEvents(session, { each, object });
      if (options.json) context.stdout.write(`${JSON.stringify({ object: withoutSecrets(object), events })}\n`);
      else {
        context.stdout.write(index > 0 ? '\n\n' : '');
        context.stdout.write(`${renderObject(object)}${renderEvents(context, events)}`);
      }
    }
    if (selected.length === 0) context.stderr.write('No resources found\n');
  });
}

/** Of no use to a person, or a secret. */
const HIDDEN_METADATA = ['managedFields', 'name', 'namespace', 'labels', 'annotations', 'generateName'];

/** Fields whose keys people choose: they stay as they are. */
const MAPS = [
  'data',
  'binaryData',
  'matchLabels',
  'nodeSelector',
  'selector',
  'limits',
  'requests',
  'capacity',
  'allocatable',
  'usage',
];

const NAME_WIDTH = 20;

export function renderObject(object: JsonObject): string {
  const metadata = member(object, 'metadata');
  const head = [
    line('Name', textOf(metadata['name']), 0),
    ...(metadata['namespace'] === undefined ? [] : [line('Namespace', textOf(metadata['namespace']), 0)]),
    renderPairs('Labels', metadata['labels'], '='),
    renderPairs('Annotations', metadata['annotations'], ': '),
    line('Kind', `${textOf(object['kind'])} (${textOf(object['apiVersion'])})`, 0),
  ];
  const rest = Object.entries(metadata).filter(([key]) => !HIDDEN_METADATA.includes(key));
  const body = Object.entries(object).filter(([key]) => !['apiVersion', 'kind', 'metadata'].includes(key));
  const isSecret = object['kind'] === 'Secret';
  const parts = body.map(([key, value]) =>
    isSecret && key === 'data' ? renderSizes(value) : renderValue(key, value, 0),
  );
  return [...head, ...rest.map(([key, value]) => renderValue(key, value, 0)), ...parts].join('');
}

/** Values of a Secret stay where they are; how long they are says whether they are there. */
function renderSizes(data: unknown): string {
  const entries = isJsonObject(data) ? Object.entries(data) : [];
  return `Data:\n${entries.map(([key, value]) => renderEntry(key, `${sizeOf(value)} bytes`, 1)).join('')}`;
}

/** For programs: a Secret with the sizes of its values, like what people see. */
function withoutSecrets(object: JsonObject): JsonObject {
  if (object['kind'] !== 'Secret') return object;
  const sizes = Object.entries(member(object, 'data')).map(([key, value]) => [key, `${sizeOf(value)} bytes`]);
  return { ...object, data: Object.fromEntries(sizes) };
}

function sizeOf(value: unknown): number {
  return Buffer.from(textOf(value), 'base64').length;
}

function renderPairs(title: string, value: unknown, sign: string): string {
  const pairs = Object.entries(isJsonObject(value) ? value : {}).map(([key, text]) =>
    clean(`${key}${sign}${String(text)}`),
  );
  if (pairs.length === 0) return line(title, '<none>', 0);
  return pairs
    .map((pair, index) => (index === 0 ? line(title, pair, 0) : `${' '.repeat(NAME_WIDTH)}${pair}\n`))
    .join('');
}

function renderValue(key: string, value: unknown, depth: number): string {
  if (value === null || value === undefined) return '';
  if (key === 'conditions' && Array.isArray(value)) return renderConditions(value.filter(isJsonObject), depth);
  if (Array.isArray(value)) return renderList(key, value, depth);
  if (isJsonObject(value)) {
    const isMap = MAPS.includes(key);
    const members = Object.entries(value).map(([name, each]) =>
      isMap ? renderEntry(name, String(each), depth + 1) : renderValue(name, each, depth + 1),
    );
    return `${line(key, '', depth)}${members.join('')}`;
  }
  return line(key, String(value), depth);
}

function renderList(key: string, values: readonly unknown[], depth: number): string {
  if (values.every((value) => typeof value !== 'object')) return line(key, values.map(String).join(' '), depth);
  const items = values.map((value) => {
    const name = isJsonObject(value) ? textOf(value['name'] ?? value['type'] ?? value['ip']) : '';
    const members = isJsonObject(value) ? Object.entries(value) : [];
    return `${'  '.repeat(depth + 1)}${clean(name) || '-'}:\n${members.map(([each, inner]) => renderValue(each, inner, depth + 2)).join('')}`;
  });
  return `${line(key, '', depth)}${items.join('')}`;
}

function renderConditions(conditions: readonly JsonObject[], depth: number): string {
  const rows = conditions.map((each) =>
    ['type', 'status', 'reason', 'message'].map((name) => clean(textOf(each[name])) || '-'),
  );
  const table = renderColumns([['TYPE', 'STATUS', 'REASON', 'MESSAGE'], ...rows]);
  const indent = '  '.repeat(depth + 1);
  return `${line('conditions', '', depth)}${table.replaceAll(/^(?=.)/gm, indent)}`;
}

function renderEntry(key: string, value: string, depth: number): string {
  return `${`${'  '.repeat(depth)}${clean(key)}:`.padEnd(NAME_WIDTH - 1)} ${renderText(value)}\n`;
}

/** A script keeps its lines apart, on one line. */
function renderText(text: string): string {
  return clean(text.trimEnd().replaceAll('\n', '\\n'));
}

/** `restartCount` is written `Restart Count`. */
function line(key: string, value: string, depth: number): string {
  const title = `${'  '.repeat(depth)}${titleOf(key)}:`;
  return value === '' ? `${title}\n` : `${title.padEnd(NAME_WIDTH - 1)} ${renderText(value)}\n`;
}

function titleOf(key: string): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(key)) return clean(key);
  const spaced = key.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** Oldest first. */
async function readEvents(
  session: Session,
  { each, object }: { each: Selected; object: JsonObject },
): Promise<JsonObject[]> {
  const uid = textOf(member(object, 'metadata')['uid']);
  const fieldSelector = `involvedObject.name=${each.name},involvedObject.uid=${uid}`;
  const list = await session.api.object({ path: eventsPath(each.namespace), query: { fieldSelector } });
  return sortByTime(itemsOf(list));
}

function renderEvents(context: Context, events: readonly JsonObject[]): string {
  if (events.length === 0) return line('events', '<none>', 0);
  const rows = renderEventRows(events, context.clock.nowMs()).map(([, ...row]) => row);
  return `Events:\n${renderColumns([['AGE', 'TYPE', 'REASON', 'MESSAGE'], ...rows]).replaceAll(/^(?=.)/gm, '  ')}`;
}
