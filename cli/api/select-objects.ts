/** Which objects the words of a command mean: names, `TYPE/NAME`, labels, all of a type, or those of manifests. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { readManifests } from './manifests.ts';
import {
  discoverResources,
  findResources,
  type Resource,
  resolveReference,
  resourceOfObject,
  resourcePath,
} from './resources.ts';
import type { Session } from './session.ts';

export interface Selection extends NamespaceOptions {
  /** `deploy/web db/x`, or `deploy web api`. */
  words: readonly string[];
  filename?: readonly string[];
  recursive?: boolean;
  selector?: string;
  fieldSelector?: string;
  all?: boolean;
  /** A type alone means all of it, as for `get`. */
  typeIsEnough?: boolean;
}

export interface Selected {
  resource: Resource;
  namespace: string | undefined;
  name: string;
}

/** Throws a Failure when it is not clear which objects are meant. Objects by name may be absent. */
export async function selectObjects(context: Context, session: Session, selection: Selection): Promise<Selected[]> {
  const resources = await discoverResources(session.api);
  const namespace = selection.namespace ?? session.profile.namespace;
  if (selection.filename !== undefined) return selectManifests(context, resources, { selection, namespace });
  const [type = '', ...names] = selection.words;
  if (type === '') throw new Failure(EXIT.usage, 'which objects?', 'write TYPE/NAME, or TYPE NAME');
  if (type.includes('/')) {
    return selection.words.map((word) => {
      const { resource, name } = resolveReference(resources, word);
      return place(resource, namespace, name);
    });
  }
  const found = findResources(resources, type);
  if (names.length > 0) return found.flatMap((resource) => names.map((name) => place(resource, namespace, name)));
  const { selector, fieldSelector, all, typeIsEnough } = selection;
  if (selector === undefined && fieldSelector === undefined && !all && !typeIsEnough) {
    throw new Failure(EXIT.usage, `which ${type}?`, 'give names, -l LABELS, or --all');
  }
  const lists = await Promise.all(found.map((resource) => listNames(session, resource, { ...selection, namespace })));
  return lists.flat();
}

async function listNames(session: Session, resource: Resource, selection: Selection): Promise<Selected[]> {
  const list = await session.api.object({
    path: resourcePath(resource, selection.allNamespaces ? undefined : selection.namespace),
    query: { labelSelector: selection.selector, fieldSelector: selection.fieldSelector },
  });
  return itemsOf(list).map((object) => {
    const { namespace, name } = member(object, 'metadata');
    return { resource, namespace: typeof namespace === 'string' ? namespace : undefined, name: textOf(name) };
  });
}

export function readObject(session: Session, { resource, namespace, name }: Selected): Promise<JsonObject> {
  return session.api.object({ path: resourcePath(resource, namespace, name) });
}

export function pathOf({ resource, namespace, name }: Selected): string {
  return resourcePath(resource, namespace, name);
}

export function itemsOf(list: JsonObject): JsonObject[] {
  return Array.isArray(list['items']) ? list['items'].filter(isJsonObject) : [];
}

/** A member that is an object; empty where there is none. */
export function member(object: JsonObject, ...names: readonly string[]): JsonObject {
  return names.reduce<JsonObject>((found, name) => (isJsonObject(found[name]) ? found[name] : {}), object);
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function place(resource: Resource, namespace: string, name: string): Selected {
  return { resource, namespace: resource.namespaced ? namespace : undefined, name };
}

async function selectManifests(
  context: Context,
  resources: readonly Resource[],
  { selection, namespace }: { selection: Selection; namespace: string },
): Promise<Selected[]> {
  const { filename = [], recursive = false } = selection;
  const manifests = await readManifests(filename, { stdin: context.stdin, recursive });
  return manifests.map(({ object }) => {
    const resource = resourceOfObject(resources, object.apiVersion, object.kind);
    return place(resource, textOf(object.metadata['namespace']) || namespace, textOf(object.metadata['name']));
  });
}
