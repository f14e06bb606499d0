/** Which resource a word on the command line means: `po`, `deployment`, `deployments.apps`. Asked of the server's discovery. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Api } from './api.ts';

export interface Resource {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  namespaced: boolean;
  categories: readonly string[];
  verbs: readonly string[];
}

const DISCOVERY_ACCEPT = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.5';

export async function discoverResources(api: Api): Promise<Resource[]> {
  const lists = await Promise.all(['/api', '/apis'].map((path) => api.object({ path, accept: DISCOVERY_ACCEPT })));
  return lists.flatMap((list) => objects(list['items']).flatMap(resourcesOfGroup));
}

function resourcesOfGroup(group: JsonObject): Resource[] {
  const metadata = isJsonObject(group['metadata']) ? group['metadata'] : {};
  // The first version is the preferred one.
  const [version] = objects(group['versions']);
  return objects(version?.['resources']).map((resource) => ({
    group: text(metadata['name']),
    version: text(version?.['version']),
    kind: isJsonObject(resource['responseKind']) ? text(resource['responseKind']['kind']) : '',
    plural: text(resource['resource']),
    singular: text(resource['singularResource']),
    shortNames: texts(resource['shortNames']),
    namespaced: resource['scope'] === 'Namespaced',
    categories: texts(resource['categories']),
    verbs: texts(resource['verbs']),
  }));
}

/** Throws a Failure that offers what is near. */
export function findResource(resources: readonly Resource[], word: string): Resource {
  const [name = '', ...groupParts] = word.toLowerCase().split('.');
  const group = groupParts.join('.');
  const found = resources.find((resource) => isNamed(resource, name) && (group === '' || resource.group === group));
  if (found !== undefined) return found;
  const listable = resources.filter(({ verbs }) => verbs.includes('list'));
  const near = listable.filter(({ plural }) => plural.startsWith(name.slice(0, 3))).map(({ plural }) => plural);
  const known = near.length > 0 ? near : listable.map(({ plural }) => plural);
  throw new Failure(
    EXIT.usage,
    `the cluster has no resource type "${word}"`,
    `${near.length > 0 ? 'perhaps' : 'it has'}: ${known.slice(0, 20).join(', ')}`,
  );
}

/** Types that `bramble get all` means, or that one word names; several are separated by commas. */
export function findResources(resources: readonly Resource[], words: string): Resource[] {
  return words.split(',').flatMap((word) => {
    const members = resources.filter(({ categories }) => categories.includes(word));
    return members.length > 0 ? members : [findResource(resources, word)];
  });
}

/** `deploy/web`. */
export function resolveReference(resources: readonly Resource[], word: string): { resource: Resource; name: string } {
  const [type = '', name = '', ...rest] = word.split('/');
  if (name === '' || rest.length > 0) throw new Failure(EXIT.usage, `"${word}" is not of the form TYPE/NAME`);
  return { resource: findResource(resources, type), name };
}

/** The resource of a manifest. */
export function resourceOfObject(resources: readonly Resource[], apiVersion: string, kind: string): Resource {
  const slash = apiVersion.indexOf('/');
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  const found = resources.find((each) => each.kind === kind && each.group === group && each.version === version);
  if (found !== undefined) return found;
  const elsewhere = resources.find((each) => each.kind === kind);
  const hint = elsewhere === undefined ? undefined : `${kind} is served as ${apiVersionOf(elsewhere)}`;
  throw new Failure(EXIT.input, `the cluster knows no ${kind} in version ${apiVersion}`, hint);
}

export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

export function resourcePath(resource: Resource, namespace: string | undefined, name?: string): string {
  const { group, version, namespaced, plural } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** `pod/web-1`, `deployment.apps/web`: what `-o name` prints and messages say. */
export function renderReference({ singular, group }: Resource, name: string): string {
  return `${group === '' ? singular : `${singular}.${group}`}/${name}`;
}

function isNamed({ plural, singular, kind, shortNames }: Resource, name: string): boolean {
  return plural === name || singular === name || kind.toLowerCase() === name || shortNames.includes(name);
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
