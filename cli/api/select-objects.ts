/** Which objects the words of a command mean: names, `TYPE/NAME`, labels, all of a type, or those of manifests. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { readManifests } from './manifests.ts';
import {
  apiVersionOf,
  discoverResources,
  findResource,
  findResources,
  type Resource,
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
  if (type.includes('/')) return selection.words.map((word) => locate(resources, word, namespace));
  const found = findResources(resources, type);
  if (names.length > 0) return found.flatMap((resource) => names.map((name) => place(resource, namespace, name)));
  const { selector, fieldSelector, all, typeIsEnough } = selection;
  if (selector === undefined && fieldSelector === undefined && !all && !typeIsEnough) {
    throw new Failure(EXIT.usage, `which ${type}?`, 'give names, -l LABELS, or --all');
  }
  const lists = found.map((resource) => listObjects(session, resource, { ...selection, namespace }));
  return (await Promise.all(lists)).flat().map(({ resource, object }) => locateObject(resource, object));
}

export interface Listed {
  resource: Resource;
  object: JsonObject;
}

export async function listObjects(
  session: Session,
  resource: Resource,
  selection: Omit<Selection, 'words'>,
): Promise<Listed[]> {
  const list = await session.api.object({
    path: resourcePath(resource, selection.allNamespaces ? undefined : selection.namespace),
    query: { labelSelector: selection.selector, fieldSelector: selection.fieldSelector },
  });
  return itemsOf(list).map((object) => ({ resource, object: { ...identityOf(resource), ...object } }));
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

/** Items of a list do not say what they are. */
function identityOf(resource: Resource): JsonObject {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function locateObject(resource: Resource, object: JsonObject): Selected {
  const metadata = member(object, 'metadata');
  const namespace = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : undefined;
  return { resource, namespace, name: textOf(metadata['name']) };
}

function locate(resources: readonly Resource[], word: string, namespace: string): Selected {
  const [type = '', name = '', ...rest] = word.split('/');
  if (name === '' || rest.length > 0) throw new Failure(EXIT.usage, `"${word}" is not of the form TYPE/NAME`);
  return place(findResource(resources, type), namespace, name);
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
