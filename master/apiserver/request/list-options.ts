/**
 * Query parameters of list and watch, read and checked against each other.
 * Source: Kubernetes, "API concepts", resource versions and "Efficient detection of changes".
 */
import { badRequest, invalid } from '../../../shared/machinery/errors.ts';
import { type FieldRequirement, parseFieldSelector } from '../../../shared/machinery/field-selector.ts';
import { parseLabelSelector, type Selector, SelectorError } from '../../../shared/machinery/label-selector.ts';
import { queryFlag, queryValue, type Request } from '../../../shared/protocol/exchange.ts';

export type ResourceVersionMatch = 'Exact' | 'NotOlderThan';

export interface ListOptions {
  labels: Selector;
  fields: readonly FieldRequirement[];
  /** undefined: the present state. 0: any state will do. */
  resourceVersion: number | undefined;
  resourceVersionMatch: ResourceVersionMatch | undefined;
  /** undefined: no limit. */
  limit: number | undefined;
  continue: string;
  allowWatchBookmarks: boolean;
  sendInitialEvents: boolean | undefined;
  timeoutSeconds: number | undefined;
}

type Query = Pick<Request, 'query'>;

/** Throws BadRequest, or Invalid where parameters contradict each other. */
export function parseListOptions(request: Query): ListOptions {
  const options: ListOptions = {
    labels: parseSelector('labelSelector', queryValue(request, 'labelSelector') ?? '', parseLabelSelector),
    fields: parseSelector('fieldSelector', queryValue(request, 'fieldSelector') ?? '', parseFieldSelector),
    resourceVersion: parseRevision(queryValue(request, 'resourceVersion')),
    resourceVersionMatch: parseMatch(queryValue(request, 'resourceVersionMatch')),
    limit: parseCount(request, 'limit') || undefined,
    continue: queryValue(request, 'continue') ?? '',
    allowWatchBookmarks: queryFlag(request, 'allowWatchBookmarks'),
    sendInitialEvents: parseOptionalFlag(request, 'sendInitialEvents'),
    timeoutSeconds: parseTimeout(request),
  };
  return options;
}

/** What upstream refuses on a list. */
export function checkListOptions(options: ListOptions): void {
  if (options.sendInitialEvents !== undefined) {
    throw invalidOptions('sendInitialEvents', 'Forbidden: sendInitialEvents is forbidden for list');
  }
  if (options.resourceVersionMatch === undefined) return;
  if (options.continue !== '') {
    throw invalidOptions(
      'resourceVersionMatch',
      'Forbidden: resourceVersionMatch is forbidden when continue is provided',
    );
  }
  if (options.resourceVersion === undefined) {
    throw invalidOptions(
      'resourceVersionMatch',
      'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  }
  if (options.resourceVersionMatch === 'Exact' && options.resourceVersion === 0) {
    throw invalidOptions(
      'resourceVersionMatch',
      'Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0"',
    );
  }
}

/** What upstream refuses on a watch: a match goes with initial events and only with them. */
export function checkWatchOptions(options: ListOptions): void {
  if (options.sendInitialEvents === undefined) {
    if (options.resourceVersionMatch === undefined) return;
    throw invalidOptions(
      'resourceVersionMatch',
      'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  }
  if (options.resourceVersionMatch !== 'NotOlderThan') {
    throw invalidOptions(
      'resourceVersionMatch',
      'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
}

function invalidOptions(field: string, message: string): Error {
  return invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [{ type: 'forbidden', field, message }]);
}

function parseSelector<T>(parameter: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(`invalid ${parameter}: ${error.message}`);
    throw error;
  }
}

function parseRevision(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const revision = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(revision)) return revision;
  throw badRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion must be a whole number`);
}

function parseMatch(text: string | undefined): ResourceVersionMatch | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === 'Exact' || text === 'NotOlderThan') return text;
  throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
    {
      type: 'notSupported',
      field: 'resourceVersionMatch',
      message: `Unsupported value: ${JSON.stringify(text)}: supported values: "Exact", "NotOlderThan", ""`,
    },
  ]);
}

function parseCount(request: Query, name: string): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw badRequest(`${name} must be a whole number that is not negative, got ${JSON.stringify(text)}`);
}

/** kubectl run sends a `timeout` such as `8m58s` beside or instead of timeoutSeconds; it is its own affair. */
function parseTimeout(request: Query): number | undefined {
  return parseCount(request, 'timeoutSeconds') || undefined;
}

function parseOptionalFlag(request: Query, name: string): boolean | undefined {
  return queryValue(request, name) === undefined ? undefined : queryFlag(request, name);
}
