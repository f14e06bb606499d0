/**
 * A kind is data: one value says all that is known about it, and type, validation, defaults, OpenAPI, merge keys, tables
 * and selectable fields derive from that value. What the server does with the kind stays in the API server.
 */
import type { TSchema } from 'typebox';
import { renderAge } from '../machinery/age.ts';
import type { FieldError } from '../machinery/errors.ts';
import type { KubernetesObject } from './object-meta.ts';

/** What a cell may need that the object itself does not say. */
export interface TableContext {
  nowMs: number;
  /** Latest temperature of a board, from memory; absent where nobody measures. */
  temperatureCelsius?(nodeName: string): number | undefined;
}

export interface Column<T> {
  /** `Name`, `Ready`: kubectl prints it in capitals. */
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: 'name';
  description: string;
  /** 0 is always shown, 1 only by `-o wide`. */
  priority?: 0 | 1;
  value(object: T, context: TableContext): string | number | boolean;
}

/** JSON paths of the replica counts, as a CustomResourceDefinition writes them. */
export interface ScaleSubresource {
  specReplicasPath: readonly string[];
  statusReplicasPath: readonly string[];
  /** Path of the label selector, a LabelSelector or a plain map. */
  selectorPath: readonly string[];
}

export type Durability = 'disk' | 'memory';

/** Which names the objects of a kind may have; checked by the API server on create. */
export type NameRule = 'dns-subdomain' | 'dns-label' | 'dns-1035-label' | 'path-segment';

/** Reads a field of an object; a method's type, so that a `Kind<Pod>` is a `Kind`. */
export type FieldValue<T> = { of(object: T): string }['of'];

export interface Kind<T extends KubernetesObject = KubernetesObject> {
  /** Never set: carries the object's type, so that a client call with a kind infers what comes back. */
  readonly objectType?: T;
  /** `''` is the core group. */
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  /** `dns-subdomain` unless said. */
  nameRule?: NameRule;
  /** Schema of the whole object, `apiVersion` and `kind` included. */
  schema: TSchema;
  /** `approval` changes only the conditions of a CertificateSigningRequest. */
  subresources: { status?: boolean; scale?: ScaleSubresource; approval?: boolean };
  /** Name and Age are columns like others; the first column is the name. */
  columns: readonly Column<T>[];
  /** Beyond metadata.name and metadata.namespace, which every kind has. */
  selectableFields: Readonly<Record<string, FieldValue<T>>>;
  /** Defaults that depend on other fields; static ones stand in the schema. Changes `object` in place. */
  applyDefaults?(object: T): void;
  /** Rules beyond the schema. `old` is the stored object of an update. */
  validate?(object: T, old?: T): FieldError[];
  /** Sentences for whoever writes a valid object that will not do what it says; sent beside the answer. */
  warnings?(object: T): string[];
  /**
   * `memory` keeps objects of that namespace out of the revision log, so that they do not wear the SD card; they are gone
   * after a restart of the master. `disk` unless said.
   */
  durability?(namespace: string): Durability;
}

/** What a client needs to know of a kind. Made apart from the kind, so that a program that only asks needs no schemas. */
export type KindRef<T extends KubernetesObject> = Pick<
  Kind<T>,
  'objectType' | 'group' | 'version' | 'kind' | 'plural' | 'namespaced'
>;

export type KindOptions<T extends KubernetesObject> = Partial<
  Pick<Kind<T>, 'shortNames' | 'categories' | 'subresources' | 'columns' | 'selectableFields' | 'singular'>
> &
  Omit<
    Kind<T>,
    keyof KindRef<T> | 'shortNames' | 'categories' | 'subresources' | 'columns' | 'selectableFields' | 'singular'
  >;

/** Fills in what most kinds leave out. */
export function defineKind<T extends KubernetesObject>(ref: KindRef<T>, options: KindOptions<T>): Kind<T> {
  return {
    singular: ref.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    subresources: {},
    columns: [nameColumn(), ageColumn()],
    selectableFields: {},
    ...ref,
    ...options,
  };
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

export function nameColumn<T extends KubernetesObject>(): Column<T> {
  return {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'name of the object',
    value: (object) => object.metadata.name,
  };
}

export function ageColumn<T extends KubernetesObject>(): Column<T> {
  return {
    name: 'Age',
    type: 'string',
    description: 'time since the object was created',
    value: (object, { nowMs }) => renderAge(object.metadata.creationTimestamp, nowMs),
  };
}
