/** Manifests by server-side apply: objects that are not there are created, the others become what the manifests say. */
import { isDeepStrictEqual } from 'node:util';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Result } from '../print/result.ts';
import type { Api } from './api.ts';
import type { Manifest } from './manifests.ts';
import { discoverResources, type Resource, renderReference, resourceOfObject, resourcePath } from './resources.ts';

export interface ApplySettings {
  /** Of objects that name none. */
  namespace: string;
  dryRun: boolean;
  /** Takes fields over that others manage. */
  force?: boolean;
}

/** What became of each object, in the order of the manifests: `deployment.apps/web`, `configured`. Stops at the first error. */
export async function* applyEach(
  api: Api,
  manifests: readonly Manifest[],
  settings: ApplySettings,
): AsyncGenerator<Result> {
  const resources = await discoverResources(api);
  for (const manifest of manifests) {
    const target = locateManifest(resources, manifest, settings);
    const verb = await applyOne(api, target, settings);
    const { resource, name, namespace } = target;
    yield {
      object: renderReference(resource, name),
      ...(namespace === undefined ? {} : { namespace }),
      result: `${verb}${settings.dryRun ? ' (dry run)' : ''}`,
    };
  }
}

/** The same as lines: `deployment.apps/web configured`. */
export async function* applyManifests(
  api: Api,
  manifests: readonly Manifest[],
  settings: ApplySettings,
): AsyncGenerator<string> {
  for await (const { object, result } of applyEach(api, manifests, settings)) yield `${object} ${result}`;
}

export interface ApplyTarget {
  resource: Resource;
  name: string;
  namespace: string | undefined;
  wanted: JsonObject;
}

/** Throws a Failure that names the manifest. */
export function locateManifest(
  resources: readonly Resource[],
  { object, source }: Manifest,
  settings: Pick<ApplySettings, 'namespace'>,
): ApplyTarget {
  const resource = resourceOfObject(resources, object.apiVersion, object.kind);
  const { name } = object.metadata;
  if (typeof name !== 'string' || name === '') throw new Failure(EXIT.input, `${source}: metadata.name is missing`);
  const own = typeof object.metadata['namespace'] === 'string' ? object.metadata['namespace'] : undefined;
  const namespace = resource.namespaced ? (own ?? settings.namespace) : undefined;
  const metadata = namespace === undefined ? object.metadata : { ...object.metadata, namespace };
  return { resource, name, namespace, wanted: { ...object, metadata } };
}

type Verb = 'created' | 'configured' | 'unchanged';

/** Whose fields an applied manifest's are, in `metadata.managedFields`. */
export const FIELD_MANAGER = 'bramble';

/** The server merges, and removes what the manifest said before and says no longer. */
async function applyOne(api: Api, target: ApplyTarget, settings: ApplySettings): Promise<Verb> {
  const present = await readIfThere(api, target);
  const changed = await sendApply(api, target, settings);
  if (present === undefined) return 'created';
  return isSame(present, changed, target.wanted) ? 'unchanged' : 'configured';
}

/** Controllers write status and annotations of their own meanwhile: with the revision alone that would look like a change. */
export function isSame(present: JsonObject, changed: JsonObject, wanted: JsonObject): boolean {
  if (revisionOf(present) === revisionOf(changed)) return true;
  return isDeepStrictEqual(essenceOf(present, wanted), essenceOf(changed, wanted));
}

/** What a manifest can say, and which fields were applied: one that it says no longer is a change too. */
function essenceOf(object: JsonObject, wanted: JsonObject): unknown {
  const { status: _, metadata, ...rest } = object;
  const { labels, annotations, managedFields } = isJsonObject(metadata) ? metadata : {};
  const names = isJsonObject(wanted['metadata']) ? Object.keys(annotationsOf(wanted['metadata'])) : [];
  const own = annotationsOf({ annotations });
  const entries = Array.isArray(managedFields) ? managedFields.filter(isJsonObject) : [];
  const applied = entries.find((entry) => entry['manager'] === FIELD_MANAGER && entry['operation'] === 'Apply');
  return { rest, labels, annotations: names.map((name) => own[name]), fields: applied?.['fieldsV1'] };
}

function annotationsOf({ annotations }: JsonObject): JsonObject {
  return isJsonObject(annotations) ? annotations : {};
}

export function sendApply(
  api: Api,
  target: ApplyTarget,
  { dryRun, force = false }: ApplySettings,
): Promise<JsonObject> {
  return api.object({
    method: 'PATCH',
    path: resourcePath(target.resource, target.namespace, target.name),
    query: {
      fieldManager: FIELD_MANAGER,
      fieldValidation: 'Strict',
      force: String(force),
      dryRun: dryRun ? 'All' : undefined,
    },
    contentType: 'application/apply-patch+yaml',
    body: target.wanted,
  });
}

export function readIfThere(api: Api, { resource, namespace, name }: ApplyTarget): Promise<JsonObject | undefined> {
  return getOrUndefined(api, resourcePath(resource, namespace, name));
}

async function getOrUndefined(api: Api, path: string): Promise<JsonObject | undefined> {
  try {
    return await api.object({ path });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

function revisionOf(object: JsonObject): unknown {
  return isJsonObject(object['metadata']) ? object['metadata']['resourceVersion'] : undefined;
}
