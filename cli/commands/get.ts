/** `bramble get`: objects as the server prints them, or as YAML, JSON or names; and their changes. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { TABLE_ACCEPT } from '../api/api.ts';
import {
  apiVersionOf,
  discoverResources,
  findResources,
  type Resource,
  renderReference,
  resolveReference,
  resourcePath,
} from '../api/resources.ts';
import { type Session, withSession } from '../api/session.ts';
import { TablePrinter } from '../api/table.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { compileCustomColumns } from '../print/custom-columns.ts';
import { compileJsonPath } from '../print/json-path.ts';

export interface GetOptions extends NamespaceOptions {
  type: string;
  names: string[];
  selector?: string;
  fieldSelector?: string;
  /** `table`, `wide`, `yaml`, `json`, `name`, `jsonpath=…` or `custom-columns=…`. */
  output?: string;
  watch?: boolean;
}

/** One request: all objects of a type, or one by name. */
interface Target {
  resource: Resource;
  name?: string;
}

export async function get(context: Context, asked: GetOptions): Promise<void> {
  const options = asked.json ? { ...asked, output: jsonOutput(asked) } : asked;
  await withSession(context, options, async (session) => {
    const targets = await resolveTargets(session, options);
    const isTable = options.output === undefined || options.output === 'table' || options.output === 'wide';
    if (options.watch) await watch(context, session, { options, targets, isTable });
    else if (isTable) await printTables(context, session, { options, targets });
    else await printObjects(context, session, { options, targets });
  });
}

function jsonOutput({ output }: GetOptions): string {
  if (output === undefined || output === 'json') return 'json';
  throw new Failure(EXIT.usage, `--json and -o ${output} are two things`, 'leave one of both out');
}

async function resolveTargets({ api }: Session, { type, names }: GetOptions): Promise<Target[]> {
  const resources = await discoverResources(api);
  if (type.includes('/')) return [type, ...names].map((word) => resolveReference(resources, word));
  const found = findResources(resources, type);
  return found.flatMap((resource) => (names.length === 0 ? [{ resource }] : names.map((name) => ({ resource, name }))));
}

interface Job {
  options: GetOptions;
  targets: readonly Target[];
}

async function printTables(context: Context, session: Session, { options, targets }: Job): Promise<void> {
  const several = new Set(targets.map(({ resource }) => resource)).size > 1;
  let printed = false;
  for (const [resource, names] of groupByResource(targets)) {
    const printer = createPrinter(resource, options, several);
    const tables: JsonObject[] = [];
    for (const name of names) tables.push(await request(session, { resource, ...(name ? { name } : {}) }, options));
    const text = printer.render(joinTables(tables));
    if (text === '') continue;
    context.stdout.write(printed ? `\n${text}` : text);
    printed = true;
  }
  if (!printed) context.stderr.write(`${renderNothing(session, options)}\n`);
}

function groupByResource(targets: readonly Target[]): Map<Resource, (string | undefined)[]> {
  const groups = new Map<Resource, (string | undefined)[]>();
  for (const { resource, name } of targets) groups.set(resource, [...(groups.get(resource) ?? []), name]);
  return groups;
}

function joinTables(tables: readonly JsonObject[]): JsonObject {
  const rows = tables.flatMap((table) => (Array.isArray(table['rows']) ? table['rows'] : []));
  return { ...tables[0], rows };
}

function renderNothing(session: Session, options: GetOptions): string {
  return options.allNamespaces
    ? 'No resources found'
    : `No resources found in namespace ${options.namespace ?? session.profile.namespace}.`;
}

function createPrinter(resource: Resource, options: GetOptions, several: boolean): TablePrinter {
  return new TablePrinter({
    wide: options.output === 'wide',
    withNamespace: options.allNamespaces === true && resource.namespaced,
    ...(several ? { namePrefix: renderReference(resource, '') } : {}),
  });
}

function request(session: Session, target: Target, options: GetOptions, accept = TABLE_ACCEPT): Promise<JsonObject> {
  const query = target.name === undefined ? selectors(options) : {};
  return session.api.object({ path: pathOf(session, target, options), query, accept });
}

function pathOf(session: Session, { resource, name }: Target, options: GetOptions): string {
  if (name !== undefined && options.allNamespaces) {
    throw new Failure(EXIT.usage, 'an object with a name is in one namespace', 'use -n NAMESPACE instead of -A');
  }
  const namespace = options.allNamespaces ? undefined : (options.namespace ?? session.profile.namespace);
  return resourcePath(resource, namespace, name);
}

function selectors({ selector, fieldSelector }: GetOptions): Record<string, string | undefined> {
  return { labelSelector: selector, fieldSelector };
}

async function printObjects(context: Context, session: Session, { options, targets }: Job): Promise<void> {
  const answers: { resource: Resource; items: JsonObject[] }[] = [];
  for (const target of targets) {
    const body = await request(session, target, options, 'application/json');
    answers.push({ resource: target.resource, items: itemsOf(body, target.resource) });
  }
  if (options.output === 'name') {
    for (const { resource, items } of answers) {
      for (const item of items) context.stdout.write(`${renderReference(resource, nameOf(item))}\n`);
    }
    return;
  }
  const items = answers.flatMap((answer) => answer.items);
  const single = targets.length === 1 && targets[0]?.name !== undefined;
  const value = single ? items[0] : { apiVersion: 'v1', kind: 'List', metadata: {}, items };
  context.stdout.write(await renderOutput(options.output, value, items));
}

async function renderOutput(output: string | undefined, value: unknown, items: readonly JsonObject[]): Promise<string> {
  const [format = '', template = ''] = splitOutput(output);
  if (format === 'jsonpath') return compileJsonPath(template)(value);
  if (format === 'custom-columns') return compileCustomColumns(template)(items);
  return renderValue(value, output);
}

/** `jsonpath={.items[*]}`: the format and what stands behind the sign. */
function splitOutput(output = ''): [string, string] {
  const sign = output.indexOf('=');
  return sign === -1 ? [output, ''] : [output.slice(0, sign), output.slice(sign + 1)];
}

async function renderValue(value: unknown, output: GetOptions['output']): Promise<string> {
  if (output === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Items of a list do not say what they are. */
function itemsOf(body: JsonObject, resource: Resource): JsonObject[] {
  if (!Array.isArray(body['items'])) return [body];
  const identity = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  return body['items'].filter(isJsonObject).map((item) => ({ ...identity, ...item }));
}

function nameOf(object: JsonObject): string {
  return isJsonObject(object['metadata']) ? String(object['metadata']['name']) : '';
}

async function watch(
  context: Context,
  session: Session,
  { options, targets, isTable }: Job & { isTable: boolean },
): Promise<void> {
  const [target, ...others] = targets;
  if (target === undefined || others.length > 0) {
    throw new Failure(EXIT.usage, 'one type or one object can be watched at a time');
  }
  const printer = createPrinter(target.resource, options, false);
  const list = await request(session, target, options, isTable ? TABLE_ACCEPT : 'application/json');
  const show = async (body: JsonObject): Promise<void> => {
    if (isTable) context.stdout.write(printer.renderRows(body));
    else if (options.output === 'name') {
      context.stdout.write(`${renderReference(target.resource, nameOf(body))}\n`);
    } else
      context.stdout.write(`${options.output === 'yaml' ? '---\n' : ''}${await renderValue(body, options.output)}`);
  };
  if (isTable) await show(list);
  else for (const item of itemsOf(list, target.resource)) await show(item);
  for await (const event of await watchFrom(session, { target, options, list, isTable })) {
    if (!isJsonObject(event) || !isJsonObject(event['object'])) continue;
    if (event['type'] === 'ERROR') throw new Failure(EXIT.failed, String(event['object']['message']));
    if (event['type'] !== 'BOOKMARK') await show(event['object']);
  }
}

function watchFrom(
  session: Session,
  { target, options, list, isTable }: { target: Target; options: GetOptions; list: JsonObject; isTable: boolean },
): Promise<AsyncIterable<unknown>> {
  const { resource, name } = target;
  const metadata = isJsonObject(list['metadata']) ? list['metadata'] : {};
  const one = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
  return session.api.events({
    path: pathOf(session, { resource }, options),
    query: { watch: 'true', resourceVersion: String(metadata['resourceVersion'] ?? ''), ...selectors(options), ...one },
    accept: isTable ? TABLE_ACCEPT : 'application/json',
  });
}
