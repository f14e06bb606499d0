/**
 * snapshots in bramble.dev/v1: copies of the store. POST takes one, GET lists them, GET of `content` reads one. They hold
 * everything, Secrets too: no default role but the administrator's has them.
 */
import { notFound } from '../../../shared/machinery/errors.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { objectResponse, type Response } from '../../../shared/protocol/exchange.ts';
import { methodNotAllowed } from '../endpoints/endpoint.ts';
import type { RequestContext } from '../request/request-context.ts';
import { servedVirtual, type VirtualResource } from './virtual-resource.ts';

export interface SnapshotFacts {
  name: string;
  takenMs: number;
  bytes: number;
}

/** What takes and keeps them. */
export interface SnapshotService {
  take(): Promise<SnapshotFacts>;
  list(): Promise<SnapshotFacts[]>;
  read(name: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

const NAMES = { group: 'bramble.dev', version: 'v1', kind: 'Snapshot', plural: 'snapshots' } as const;

export function snapshots(service: SnapshotService): VirtualResource {
  const { group, version, kind } = NAMES;
  const content = { name: 'content', kind: { group, version, kind }, verbs: ['get'] as const };
  return {
    served: {
      ...servedVirtual({ ...NAMES, namespaced: false, verbs: ['create', 'get', 'list'] }),
      subresources: [content],
    },
    answer: (_services, context) => answer(context, service),
  };
}

async function answer({ info }: RequestContext, service: SnapshotService): Promise<Response> {
  const { verb, name, subresource } = info;
  if (subresource === 'content') return readContent(name, service);
  if (verb === 'create') return objectResponse(renderSnapshot(await service.take()), 201);
  const all = await service.list();
  if (verb === 'get') {
    const found = all.find((one) => one.name === name);
    if (found === undefined) throw notFound(NAMES, name);
    return objectResponse(renderSnapshot(found));
  }
  if (verb !== 'list') throw methodNotAllowed();
  const items = all.map(renderSnapshot);
  return objectResponse({ kind: 'SnapshotList', apiVersion: 'bramble.dev/v1', metadata: {}, items });
}

async function readContent(name: string, service: SnapshotService): Promise<Response> {
  const chunks = await service.read(name);
  if (chunks === undefined) throw notFound(NAMES, name);
  return { type: 'bytes', code: 200, contentType: 'application/vnd.sqlite3', chunks };
}

function renderSnapshot({ name, takenMs, bytes }: SnapshotFacts) {
  const metadata = { name, creationTimestamp: formatTime(takenMs) };
  return { apiVersion: 'bramble.dev/v1', kind: NAMES.kind, metadata, bytes };
}
