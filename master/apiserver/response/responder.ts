/** Answers in the form that the Accept header asks for: objects, tables, metadata alone; JSON or YAML. */
import { stringify } from 'yaml';
import { badRequest } from '../../../shared/machinery/errors.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { type EventsResponse, queryValue, type Request, type Response } from '../../../shared/protocol/exchange.ts';
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import { type IncludeObject, partialObjectMetadata, partialObjectMetadataList } from '../../../shared/schema/table.ts';
import type { ListPage } from '../registry/list.ts';
import { type Accepted, MEDIA_TYPE, negotiate } from '../request/media-type.ts';
import type { RequestContext, StoredContext } from '../request/request-context.ts';
import type { AnyKind, ApiObject } from '../storage/api-object.ts';
import { type SensorsReader, TableRenderer } from './table-renderer.ts';
import { textResponse } from './text.ts';
import { objectWatchRenderer, partialWatchRenderer, tableWatchRenderer, type WatchRenderer } from './watch-renderer.ts';

/** Warnings sent with one answer; the rest is left out. */
const MAX_WARNINGS = 20;

export interface ResponderOptions {
  clock: Clock;
  readSensors: SensorsReader;
}

export class Responder {
  readonly #options: ResponderOptions;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** A stored object, in whatever form it is wanted. */
  async object(context: StoredContext, object: ApiObject, code = 200): Promise<Response> {
    const accepted = acceptedBy(context.request);
    const { resourceVersion } = object.metadata;
    switch (accepted.as) {
      case 'table': {
        const table = await this.#tables(context).render([object], { metadata: { resourceVersion } });
        return respond(context, accepted, { body: table, code });
      }
      case 'partial':
        return respond(context, accepted, { body: partialObjectMetadata(object), code });
      default:
        return respond(context, accepted, { body: object, code });
    }
  }

  async list(context: StoredContext, { metadata, items }: ListPage): Promise<Response> {
    const accepted = acceptedBy(context.request);
    switch (accepted.as) {
      case 'table':
        return respond(context, accepted, { body: await this.#tables(context).render(items, { metadata }), code: 200 });
      case 'partial':
        return respond(context, accepted, { body: partialObjectMetadataList(items, metadata), code: 200 });
      default:
        return respond(context, accepted, { body: listValue(context.kind, { metadata, items }), code: 200 });
    }
  }

  /** What has only one form: a Status, a Scale, a review. */
  value(context: RequestContext, body: unknown, code = 200): Response {
    return respond(context, acceptedBy(context.request), { body, code });
  }

  events(events: AsyncIterable<unknown>): EventsResponse {
    return { type: 'events', code: 200, contentType: MEDIA_TYPE.json, events };
  }

  watchRenderer(context: StoredContext): WatchRenderer {
    switch (acceptedBy(context.request).as) {
      case 'table':
        return tableWatchRenderer(this.#tables(context));
      case 'partial':
        return partialWatchRenderer();
      default:
        return objectWatchRenderer(context.kind);
    }
  }

  #tables({ kind, request }: StoredContext): TableRenderer {
    return new TableRenderer({ ...this.#options, kind, includeObject: parseIncludeObject(request) });
  }
}

function acceptedBy(request: Request): Accepted {
  return negotiate(request.headers['accept']);
}

function parseIncludeObject(request: Request): IncludeObject {
  const text = queryValue(request, 'includeObject') ?? 'Metadata';
  if (text === '' || text === 'Metadata') return 'Metadata';
  if (text === 'None' || text === 'Object') return text;
  throw badRequest(`includeObject must be None, Metadata or Object, not ${JSON.stringify(text)}`);
}

export function listValue(kind: AnyKind, { metadata, items }: ListPage): object {
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items };
}

function respond(
  context: RequestContext,
  { encoding }: Accepted,
  { body, code }: { body: unknown; code: number },
): Response {
  if (encoding === 'yaml') return textResponse(stringify(body), code, MEDIA_TYPE.yaml);
  const headers = warningHeaders(context.warnings);
  return { type: 'object', code, contentType: MEDIA_TYPE.json, ...(headers ? { headers } : {}), body };
}

/** RFC 9111's predecessor, section 5.5: code 299, no agent, the text in quotes. */
function warningHeaders(warnings: readonly string[]): Record<string, string> | undefined {
  if (warnings.length === 0) return undefined;
  const unique = [...new Set(warnings)].slice(0, MAX_WARNINGS);
  return { warning: unique.map((text) => `299 - ${quoted(text)}`).join(', ') };
}

function quoted(text: string): string {
  return `"${text.replaceAll(/[\r\n]+/g, ' ').replaceAll(/["\\]/g, (char) => `\\${char}`)}"`;
}
