/** Creates the objects of manifests that are not there, patches those that are. The server says whether anything changed. */
import { ALL_KINDS } from '../../shared/api/registry.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import type { PatchSchema } from '../../shared/machinery/patch/patch-schema.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Api } from './api.ts';
import { computeApplyPatch, readLastApplied, withLastApplied } from './apply-patch.ts';
import type { Manifest } from './manifests.ts';
import { discoverResources, type Resource, renderReference, resourceOfObject, resourcePath } from './resources.ts';

export interface ApplySettings {
  /** Of objects that name none. */
  namespace: string;
  dryRun: boolean;
}

/** One line an object, in the order of the manifests: `deployment.apps/web configured`. Stops at the first error. */
export async function* applyManifests(
  api: Api,
  manifests: readonly Manifest[],
  settings: ApplySettings,
): AsyncGenerator<string> {
  const resources = await discoverResources(api);
  for (const { object, source } of manifests) {
    const resource = resourceOfObject(resources, object.apiVersion, object.kind);
    const target = locate(resource, object, { settings, source });
    const verb = await applyOne(api, target, settings.dryRun);
    yield `${renderReference(resource, target.name)} ${verb}${settings.dryRun ? ' (dry run)' : ''}`;
  }
}

interface ApplyTarget {
  resource: Resource;
  name: string;
  namespace: string | undefined;
  wanted: JsonObject;
}

function locate(
  resource: Resource,
  object: Manifest['object'],
  { settings, source }: { settings: ApplySettings; source: string },
): ApplyTarget {
  const { name } = object.metadata;
  if (typeof name !== 'string' || name === '') throw new Failure(EXIT.input, `${source}: metadata.name is missing`);
  const own = typeof object.metadata['namespace'] === 'string' ? object.metadata['namespace'] : undefined;
  const namespace = resource.namespaced ? (own ?? settings.namespace) : undefined;
  const metadata = namespace === undefined ? object.metadata : { ...object.metadata, namespace };
  return { resource, name, namespace, wanted: withLastApplied({ ...object, metadata }) };
}

type Verb = 'created' | 'configured' | 'unchanged';

async function applyOne(api: Api, target: ApplyTarget, dryRun: boolean): Promise<Verb> {
  const { resource, namespace, name, wanted } = target;
  const query = { fieldManager: 'bramble', fieldValidation: 'Strict', dryRun: dryRun ? 'All' : undefined };
  const present = await getOrUndefined(api, resourcePath(resource, namespace, name));
  if (present === undefined) {
    await api.object({ method: 'POST', path: resourcePath(resource, namespace), query, body: wanted });
    return 'created';
  }
  const schema = findPatchSchema(resource);
  const changed = await api.object({
    method: 'PATCH',
    path: resourcePath(resource, namespace, name),
    query,
    contentType: schema === undefined ? 'application/merge-patch+json' : 'application/strategic-merge-patch+json',
    body: computeApplyPatch(readLastApplied(present), wanted, schema),
  });
  return revisionOf(changed) === revisionOf(present) ? 'unchanged' : 'configured';
}

async function getOrUndefined(api: Api, path: string): Promise<JsonObject | undefined> {
  try {
    return await api.object({ path });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

function findPatchSchema(resource: Resource): PatchSchema | undefined {
  const { group, kind } = resource;
  return ALL_KINDS.find((each) => each.group === group && each.kind === kind)?.schema as PatchSchema | undefined;
}

function revisionOf(object: JsonObject): unknown {
  return isJsonObject(object['metadata']) ? object['metadata']['resourceVersion'] : undefined;
}
