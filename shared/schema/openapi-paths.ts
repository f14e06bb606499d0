/**
 * The paths of a kind in an OpenAPI document. kubectl looks here for two things: which kind a path is about
 * (`x-kubernetes-group-version-kind`), and whether its PATCH has the parameters `fieldValidation` and `dryRun`.
 */
import type { JsonObject } from '../machinery/json.ts';
import type { Kind } from './define-kind.ts';
import { type GroupVersionKind, gvkOf } from './openapi-components.ts';
import { componentRef } from './openapi-names.ts';

/** Component names that the operations refer to. */
export interface PathComponents {
  object: string;
  list: string;
  patch: string;
  /** Absent where the document does not describe it. */
  scale?: string;
}

export type PathKind = Pick<Kind, 'group' | 'version' | 'kind' | 'plural' | 'namespaced' | 'subresources'>;

const SCALE: GroupVersionKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** All paths of a kind: collection, object, and the subresources that are described by data. */
export function kindPaths(kind: PathKind, components: PathComponents): JsonObject {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const collection = kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : `${root}/${kind.plural}`;
  const object = `${collection}/{name}`;
  const scope = kind.namespaced ? [pathParameter('namespace', 'namespace of the object')] : [];
  const named = [pathParameter('name', `name of the ${kind.kind}`), ...scope];
  const self: Target = { kind, gvk: kind, component: components.object, components, suffix: '' };
  const scale: Target = { ...self, gvk: SCALE, component: components.scale, suffix: 'Scale' };
  return {
    ...(kind.namespaced ? { [`${root}/${kind.plural}`]: { get: listOperation(self, 'ForAllNamespaces') } } : {}),
    [collection]: { ...collectionOperations(self), ...withParameters(scope) },
    [object]: { ...objectOperations(self), delete: deleteOperation(self, 'delete'), ...withParameters(named) },
    ...(kind.subresources.status
      ? { [`${object}/status`]: { ...objectOperations({ ...self, suffix: 'Status' }), ...withParameters(named) } }
      : {}),
    ...(kind.subresources.scale
      ? { [`${object}/scale`]: { ...objectOperations(scale), ...withParameters(named) } }
      : {}),
  };
}

/** What an operation works on. */
interface Target {
  kind: PathKind;
  /** Of the body, which is another kind for the scale subresource. */
  gvk: GroupVersionKind;
  component: string | undefined;
  components: PathComponents;
  suffix: string;
}

function collectionOperations(target: Target): JsonObject {
  return {
    get: listOperation(target, ''),
    post: operation(target, {
      action: 'post',
      verb: 'create',
      parameters: WRITE_PARAMETERS,
      requestBody: { required: true, content: { '*/*': { schema: bodySchema(target.component) } } },
      responses: responses(target.component, ['200', '201', '202']),
    }),
    delete: deleteOperation(target, 'deletecollection'),
  };
}

function objectOperations(target: Target): JsonObject {
  const read = { action: 'get', verb: 'read', parameters: [], responses: responses(target.component, ['200']) };
  const requestBody = { required: true, content: { '*/*': { schema: bodySchema(target.component) } } };
  const written = { parameters: WRITE_PARAMETERS, responses: responses(target.component, ['200', '201']) };
  return {
    get: operation(target, read),
    put: operation(target, { action: 'put', verb: 'replace', requestBody, ...written }),
    patch: operation(target, {
      action: 'patch',
      verb: 'patch',
      requestBody: { required: true, content: patchContent(target.components.patch) },
      parameters: [...WRITE_PARAMETERS, FORCE],
      responses: written.responses,
    }),
  };
}

function listOperation(target: Target, suffix: string): JsonObject {
  return operation(
    { ...target, suffix },
    {
      action: 'list',
      verb: 'list',
      parameters: LIST_PARAMETERS,
      responses: responses(target.components.list, ['200']),
    },
  );
}

function deleteOperation(target: Target, action: 'delete' | 'deletecollection'): JsonObject {
  return operation(target, {
    action,
    verb: action === 'delete' ? 'delete' : 'deleteCollection',
    parameters: action === 'delete' ? DELETE_PARAMETERS : [...LIST_PARAMETERS, ...DELETE_PARAMETERS],
    responses: { '200': { description: 'deleted' }, '202': { description: 'will be deleted' } },
  });
}

interface OperationParts {
  action: string;
  verb: string;
  parameters: readonly JsonObject[];
  requestBody?: JsonObject;
  responses: JsonObject;
}

function operation(target: Target, { action, verb, parameters, requestBody, responses: answers }: OperationParts) {
  const { group, version, kind, namespaced } = target.kind;
  const groupName = group === '' ? 'core' : (group.split('.')[0] ?? group);
  const scope = namespaced && target.suffix !== 'ForAllNamespaces' ? 'Namespaced' : '';
  return {
    tags: [`${groupName}_${version}`],
    operationId: `${verb}${capitalised(groupName)}${capitalised(version)}${scope}${kind}${target.suffix}`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: answers,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvkOf(target.gvk),
  };
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function bodySchema(component: string | undefined): JsonObject {
  return component === undefined ? { type: 'object' } : componentRef(component);
}

function responses(component: string | undefined, codes: readonly string[]): JsonObject {
  const content = { 'application/json': { schema: bodySchema(component) } };
  return Object.fromEntries(codes.map((code) => [code, { description: RESPONSES[code] ?? '', content }]));
}

const RESPONSES: Readonly<Record<string, string>> = { '200': 'OK', '201': 'Created', '202': 'Accepted' };

const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

function patchContent(patch: string): JsonObject {
  return Object.fromEntries(PATCH_TYPES.map((type) => [type, { schema: componentRef(patch) }]));
}

function withParameters(parameters: readonly JsonObject[]): JsonObject {
  return parameters.length === 0 ? {} : { parameters };
}

function pathParameter(name: string, description: string): JsonObject {
  return { name, in: 'path', description, required: true, schema: { type: 'string', uniqueItems: true } };
}

function queryParameter(name: string, type: 'string' | 'integer' | 'boolean', description: string): JsonObject {
  return { name, in: 'query', description, schema: { type, uniqueItems: true } };
}

const DRY_RUN = queryParameter('dryRun', 'string', 'All: everything is checked, nothing is stored');
const FORCE = queryParameter('force', 'boolean', 'an apply takes fields over from other managers');

const WRITE_PARAMETERS = [
  DRY_RUN,
  queryParameter('fieldManager', 'string', 'who makes the change'),
  queryParameter('fieldValidation', 'string', 'what to do about unknown fields: Ignore, Warn or Strict'),
];

const DELETE_PARAMETERS = [
  DRY_RUN,
  queryParameter('gracePeriodSeconds', 'integer', 'seconds given to the object to end'),
  queryParameter('propagationPolicy', 'string', 'what happens to objects that this one owns'),
];

const LIST_PARAMETERS = [
  queryParameter('allowWatchBookmarks', 'boolean', 'the watch may send bookmarks'),
  queryParameter('continue', 'string', 'next page of an earlier list'),
  queryParameter('fieldSelector', 'string', 'chooses objects by fields'),
  queryParameter('labelSelector', 'string', 'chooses objects by labels'),
  queryParameter('limit', 'integer', 'size of a page'),
  queryParameter('resourceVersion', 'string', 'revision to list at, or to watch from'),
  queryParameter('resourceVersionMatch', 'string', 'how resourceVersion is meant'),
  queryParameter('sendInitialEvents', 'boolean', 'the watch begins with the present objects'),
  queryParameter('timeoutSeconds', 'integer', 'the watch ends after this time'),
  queryParameter('watch', 'boolean', 'sends changes instead of a list'),
];
