/**
 * Watch events in the form that the client asked for. Plain events are the shared values themselves, so that a door may
 * keep their text by identity; tables and metadata are made for each watch.
 */
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import { partialObjectMetadata } from '../../../shared/schema/table.ts';
import type { AnyKind, ApiObject } from '../storage/api-object.ts';
import type { Change, ChangeType } from '../storage/change.ts';
import type { TableRenderer } from './table-renderer.ts';

export interface WatchRenderer {
  /** An object that is there when the watch begins. */
  initial(object: ApiObject): unknown | Promise<unknown>;
  change(type: ChangeType, change: Change): unknown | Promise<unknown>;
  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): unknown;
}

export function objectWatchRenderer(kind: AnyKind): WatchRenderer {
  return {
    initial: (object) => ({ type: 'ADDED', object }),
    change: (type, change) => change.value(type),
    bookmark: (revision, annotations) => ({
      type: 'BOOKMARK',
      object: {
        kind: kind.kind,
        apiVersion: apiVersionOf(kind),
        metadata: bookmarkMetadata(revision, annotations),
      },
    }),
  };
}

export function partialWatchRenderer(): WatchRenderer {
  return {
    initial: (object) => ({ type: 'ADDED', object: partialObjectMetadata(object) }),
    change: (type, change) => ({ type, object: partialObjectMetadata(change.value(type).object) }),
    bookmark: (revision, annotations) => ({
      type: 'BOOKMARK',
      object: {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: bookmarkMetadata(revision, annotations),
      },
    }),
  };
}

/** Each event carries a table of one row; only the first names the columns. */
export function tableWatchRenderer(tables: TableRenderer): WatchRenderer {
  let isFirst = true;
  const row = async (object: ApiObject): Promise<unknown> => {
    const { resourceVersion } = object.metadata;
    const withoutColumns = !isFirst;
    isFirst = false;
    return tables.render([object], { metadata: { resourceVersion }, withoutColumns });
  };
  return {
    initial: async (object) => ({ type: 'ADDED', object: await row(object) }),
    change: async (type, change) => ({ type, object: await row(change.value(type).object) }),
    bookmark: (revision, annotations) => ({
      type: 'BOOKMARK',
      object: {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata: bookmarkMetadata(revision, annotations),
        columnDefinitions: [],
        rows: [],
      },
    }),
  };
}

function bookmarkMetadata(revision: number, annotations?: Readonly<Record<string, string>>): object {
  // Typed clients read a missing creationTimestamp as null; upstream sends it so.
  return { resourceVersion: String(revision), creationTimestamp: null, ...(annotations ? { annotations } : {}) };
}
