/** How a delete is wanted: from the query and from a DeleteOptions body, the body having precedence. */
import { badRequest, invalid } from '../../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { queryValue, type Request } from '../../../shared/protocol/exchange.ts';
import { getPath, stringAt } from '../json-path.ts';
import { parseDryRun } from './write-options.ts';

export type PropagationPolicy = 'Orphan' | 'Background' | 'Foreground';

export interface DeleteOptions {
  gracePeriodSeconds: number | undefined;
  /** undefined: as the object's finalizers and its kind have it. */
  propagationPolicy: PropagationPolicy | undefined;
  preconditions: Preconditions;
  dryRun: boolean;
}

export interface Preconditions {
  uid: string;
  resourceVersion: string;
}

/** `value` is the decoded body; an absent or empty one is fine. */
export function parseDeleteOptions(request: Pick<Request, 'query'>, value: unknown): DeleteOptions {
  const body = bodyOf(value);
  const orphan = body['orphanDependents'] ?? flagOf(queryValue(request, 'orphanDependents'));
  const policy = body['propagationPolicy'] ?? queryValue(request, 'propagationPolicy');
  if (typeof orphan === 'boolean' && policy !== undefined) {
    throw invalidOptions('propagationPolicy', 'orphanDependents and deletionPropagation cannot be both set');
  }
  return {
    gracePeriodSeconds: parseGrace(body['gracePeriodSeconds'] ?? queryValue(request, 'gracePeriodSeconds')),
    propagationPolicy: typeof orphan === 'boolean' ? policyOfOrphan(orphan) : parsePolicy(policy),
    preconditions: {
      uid: stringAt(body, ['preconditions', 'uid']),
      resourceVersion: stringAt(body, ['preconditions', 'resourceVersion']),
    },
    dryRun: parseDryRun(dryRunValues(body, request), 'DeleteOptions'),
  };
}

function bodyOf(value: unknown): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw badRequest('the body of a delete must be DeleteOptions');
  const kind = value['kind'] ?? 'DeleteOptions';
  if (kind !== 'DeleteOptions')
    throw badRequest(`the body of a delete must be DeleteOptions, not ${JSON.stringify(kind)}`);
  return value;
}

function dryRunValues(body: JsonObject, request: Pick<Request, 'query'>): readonly string[] {
  const inBody = getPath(body, ['dryRun']);
  return Array.isArray(inBody) && inBody.length > 0 ? inBody.map(String) : (request.query['dryRun'] ?? []);
}

function flagOf(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true' || text === '1';
}

function policyOfOrphan(orphan: boolean): PropagationPolicy {
  return orphan ? 'Orphan' : 'Background';
}

function parsePolicy(policy: unknown): PropagationPolicy | undefined {
  if (policy === undefined || policy === null || policy === '') return undefined;
  if (policy === 'Orphan' || policy === 'Background' || policy === 'Foreground') return policy;
  throw invalidOptions(
    'propagationPolicy',
    `Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan"`,
  );
}

function parseGrace(grace: unknown): number | undefined {
  if (grace === undefined || grace === null || grace === '') return undefined;
  const seconds = Number(grace);
  if (!Number.isSafeInteger(seconds)) {
    throw badRequest(`gracePeriodSeconds must be a whole number, got ${JSON.stringify(grace)}`);
  }
  return seconds;
}

function invalidOptions(field: string, message: string): Error {
  return invalid({ group: '', kind: 'DeleteOptions' }, '', [{ type: 'invalid', field, message }]);
}
