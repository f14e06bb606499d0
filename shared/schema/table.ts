/**
 * What a client sees of objects that it does not want whole: tables, whose cells a kind's columns compute, and metadata
 * alone. `kubectl get` prints nothing but these cells.
 * Source: Kubernetes API reference, meta/v1 Table and PartialObjectMetadata.
 */
import type { Kind, TableContext } from './define-kind.ts';
import type { KubernetesObject, ListMeta, ObjectMeta } from './object-meta.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions extends TableContext {
  /** What stands beside each row's cells; its metadata unless said. */
  includeObject?: IncludeObject;
  /** Of the list, or of the one object; a watch starts from its resourceVersion. */
  metadata?: Partial<ListMeta>;
  /** In a watch only the first event needs the columns. */
  withoutColumns?: boolean;
}

export interface TableColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface TableRow {
  cells: (string | number | boolean)[];
  object?: unknown;
}

export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: Partial<ListMeta>;
  columnDefinitions: TableColumnDefinition[];
  rows: TableRow[];
}

export interface PartialObjectMetadata {
  kind: 'PartialObjectMetadata';
  apiVersion: 'meta.k8s.io/v1';
  metadata: ObjectMeta;
}

export interface PartialObjectMetadataList {
  kind: 'PartialObjectMetadataList';
  apiVersion: 'meta.k8s.io/v1';
  metadata: Partial<ListMeta>;
  items: PartialObjectMetadata[];
}

/** One row an object, in their order. */
export function renderTable<T extends KubernetesObject>(
  kind: Pick<Kind<T>, 'columns'>,
  objects: readonly T[],
  options: TableOptions,
): Table {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata ?? {},
    columnDefinitions: options.withoutColumns ? [] : columnDefinitions(kind),
    rows: objects.map((object) => ({
      cells: kind.columns.map((column) => column.value(object, options)),
      ...rowObject(object, options.includeObject ?? 'Metadata'),
    })),
  };
}

export function partialObjectMetadata(object: KubernetesObject): PartialObjectMetadata {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

export function partialObjectMetadataList(
  objects: readonly KubernetesObject[],
  metadata: Partial<ListMeta>,
): PartialObjectMetadataList {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    items: objects.map(partialObjectMetadata),
  };
}

function columnDefinitions<T extends KubernetesObject>(kind: Pick<Kind<T>, 'columns'>): TableColumnDefinition[] {
  return kind.columns.map(({ name, type, format = '', description, priority = 0 }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
}

function rowObject(object: KubernetesObject, include: IncludeObject): Pick<TableRow, 'object'> {
  if (include === 'None') return {};
  return { object: include === 'Object' ? object : partialObjectMetadata(object) };
}
