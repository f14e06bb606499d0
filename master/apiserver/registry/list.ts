/** Listing: whole or in pages, at the present or at an asked-for revision, through selectors. */
import { badRequest, StatusError } from '../../../shared/machinery/errors.ts';
import type { ListMeta } from '../../../shared/schema/object-meta.ts';
import type { ListOptions } from '../request/list-options.ts';
import type { AnyKind, ApiObject } from '../storage/api-object.ts';
import { prefixOf, storeKeyOf } from '../storage/keys.ts';
import { isSelectable, ObjectFilter } from '../storage/object-filter.ts';
import type { ObjectList, ObjectStore } from '../storage/object-store.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';

export interface ListPage {
  metadata: ListMeta;
  items: ApiObject[];
}

/** Objects read at once when a selector may let few of them through. */
const SCAN_PAGE_OBJECTS = 500;

/** Throws BadRequest for a field that the kind does not offer. */
export function filterOf(
  kind: AnyKind,
  namespace: string,
  { labels, fields }: Pick<ListOptions, 'labels' | 'fields'>,
): ObjectFilter {
  const unknown = fields.find(({ field }) => !isSelectable(kind, field));
  if (unknown !== undefined) throw unsupportedField(kind, unknown.field);
  return new ObjectFilter(kind, { namespace, labels, fields });
}

function unsupportedField({ selectableFields }: AnyKind, field: string): StatusError {
  if (Object.keys(selectableFields).length > 0) return badRequest(`field label not supported: ${field}`);
  return badRequest(
    `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

/** Throws BadRequest, Expired, and Timeout for a revision that has not happened. */
export async function listObjects(objects: ObjectStore, filter: ObjectFilter, options: ListOptions): Promise<ListPage> {
  const start = startOf(objects, options);
  const name = wantedName(filter);
  if (name !== undefined) return listOne(objects, filter, { name, revision: start.revision });
  const prefix = prefixOf(filter.kind, filter.request.namespace);
  const page = await readPage(objects, filter, { ...start, prefix, limit: options.limit });
  return {
    metadata: {
      resourceVersion: String(page.revision),
      ...(page.next === undefined
        ? {}
        : { continue: encodeContinue({ revision: page.revision, startAfter: page.next }) }),
      ...(page.next === undefined || !filter.selectsAll ? {} : { remainingItemCount: page.remaining }),
    },
    items: page.items,
  };
}

interface Start {
  /** undefined: the present state. */
  revision: number | undefined;
  startAfter: string | undefined;
}

function startOf(objects: ObjectStore, options: ListOptions): Start {
  const { resourceVersion, resourceVersionMatch, limit } = options;
  if (options.continue !== '') {
    if (resourceVersion !== undefined && resourceVersion !== 0) {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    return decodeContinue(options.continue);
  }
  if (resourceVersion === undefined || resourceVersion === 0) return { revision: undefined, startAfter: undefined };
  refuseFuture(resourceVersion, objects.revision());
  // Without a match, a limit makes the revision exact: upstream's oldest behaviour, which clients rely on.
  const isExact = resourceVersionMatch === 'Exact' || (resourceVersionMatch === undefined && limit !== undefined);
  return { revision: isExact ? resourceVersion : undefined, startAfter: undefined };
}

/** 504 as upstream: the client asks again in a second. */
export function refuseFuture(wanted: number, present: number): void {
  if (wanted <= present) return;
  const message = `Too large resource version: ${wanted}, current: ${present}`;
  throw new StatusError('Timeout', message, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** The one name that the filter lets through, where key and name are one. */
function wantedName({ request, kind }: ObjectFilter): string | undefined {
  if (kind.namespaced && request.namespace === '') return undefined;
  return request.fields.find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value;
}

/** The shortest key with a prefix comes first: the object itself, when there is one, before those with longer names. */
async function listOne(
  objects: ObjectStore,
  filter: ObjectFilter,
  { name, revision }: { name: string; revision: number | undefined },
): Promise<ListPage> {
  const key = storeKeyOf(filter.kind, { namespace: filter.request.namespace, name });
  const found = await objects.listPrefix(key, { limit: 1, ...(revision === undefined ? {} : { revision }) });
  const items = found.items.filter((item) => item.key === key && filter.matches(item.object));
  return { metadata: { resourceVersion: String(found.revision) }, items: items.map(({ object }) => object) };
}

interface PageRequest extends Start {
  prefix: string;
  limit: number | undefined;
}

interface Page {
  items: ApiObject[];
  revision: number;
  /** Key after which the next page goes on, without the prefix; undefined when this is the last. */
  next: string | undefined;
  remaining: number;
}

async function readPage(objects: ObjectStore, filter: ObjectFilter, request: PageRequest): Promise<Page> {
  const { prefix, limit } = request;
  const items: ApiObject[] = [];
  let { revision } = request;
  let after = request.startAfter === undefined ? undefined : prefix + request.startAfter;
  for (;;) {
    const chunk = await objects.listPrefix(prefix, {
      ...(limit === undefined ? {} : { limit: filter.selectsAll ? limit : Math.max(limit, SCAN_PAGE_OBJECTS) }),
      ...(revision === undefined ? {} : { revision }),
      ...(after === undefined ? {} : { startAfter: after }),
    });
    revision = chunk.revision;
    const taken = takeMatching(chunk, filter, (limit ?? Number.POSITIVE_INFINITY) - items.length);
    items.push(...taken.objects);
    const left = chunk.items.length - taken.consumed + chunk.remaining;
    after = taken.lastKey ?? after;
    if (left === 0) return { items, revision, next: undefined, remaining: 0 };
    if (items.length === limit) return { items, revision, next: (after ?? '').slice(prefix.length), remaining: left };
  }
}

function takeMatching(
  { items }: ObjectList,
  filter: ObjectFilter,
  limit: number,
): { objects: ApiObject[]; consumed: number; lastKey: string | undefined } {
  const objects: ApiObject[] = [];
  let consumed = 0;
  for (const { object } of items) {
    if (objects.length >= limit) break;
    consumed += 1;
    if (filter.matches(object)) objects.push(object);
  }
  return { objects, consumed, lastKey: items[consumed - 1]?.key };
}
