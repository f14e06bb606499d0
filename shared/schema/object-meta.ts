/** What every object carries: its names, its versions and who owns it. Source: Kubernetes API reference, ObjectMeta. */
import Type, { type TSchema } from 'typebox';
import { bool, int64, list, object, raw, required, str, stringMap, strings, time } from './fields.ts';

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: Record<string, unknown>;
  subresource?: string;
}

/** Metadata of a stored object: what the server always fills in is not optional here. */
export interface ObjectMeta {
  name: string;
  generateName?: string;
  /** Absent on cluster-scoped objects. */
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: ManagedFieldsEntry[];
  selfLink?: string;
}

/** Any stored object. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

type DeepPartial<T> = T extends readonly (infer Item)[]
  ? DeepPartial<Item>[]
  : T extends object
    ? { [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;

/** An object on its way to the server: everything that the server fills in may be left out. */
export type Draft<T extends KubernetesObject> = DeepPartial<Omit<T, 'metadata'>> & { metadata: Partial<ObjectMeta> };

const OwnerReferenceSchema = object(
  'OwnerReference',
  'Names the object that this one belongs to; it is collected when its last owner is gone',
  {
    kind: required(str(1, 'kind of the owner')),
    name: required(str(3, 'name of the owner')),
    uid: required(str(4, 'uid of the owner; a new object of the same name is no owner')),
    apiVersion: required(str(5, 'group and version of the owner')),
    controller: bool(6, 'whether the owner is the one controller that manages this object'),
    blockOwnerDeletion: bool(7, 'whether the owner waits for this object in a foreground deletion'),
  },
  { atomic: true },
);

const ManagedFieldsEntrySchema = object('ManagedFieldsEntry', 'Which manager last set which fields', {
  manager: str(1, 'who set the fields'),
  operation: str(2, 'Apply or Update'),
  apiVersion: str(3, 'version that the field set is written for'),
  time: time(4, 'when the manager last changed its set'),
  fieldsType: str(6, 'always FieldsV1'),
  fieldsV1: raw(7, 'the field set'),
  subresource: str(8, 'subresource through which the fields were set'),
});

const ObjectMetaObject = object('ObjectMeta', 'What every object carries: names, versions, labels and owners', {
  name: str(1, 'unique among the objects of its kind in the namespace; cannot change'),
  generateName: str(2, 'prefix of a name that the server completes, used when name is empty'),
  namespace: str(3, 'namespace of the object; empty for cluster-scoped kinds; cannot change'),
  selfLink: str(4, 'no longer filled in'),
  uid: str(5, 'unique in time and space; set by the server'),
  resourceVersion: str(6, 'opaque revision of this state of the object; an update with an old one is refused'),
  generation: int64(7, 'counts the changes of the wanted state; set by the server'),
  creationTimestamp: time(8, 'when the object was created; set by the server'),
  deletionTimestamp: time(9, 'when the object will be gone at the latest; set by a graceful delete'),
  deletionGracePeriodSeconds: int64(10, 'seconds given to the object to end'),
  labels: stringMap(11, 'names and values to select objects by'),
  annotations: stringMap(12, 'names and values that nothing selects by'),
  ownerReferences: list(13, OwnerReferenceSchema, 'objects that this one belongs to', {
    type: 'map',
    mapKeys: ['uid'],
    mergeKey: 'uid',
  }),
  finalizers: strings(14, 'the object stays until this list is empty', { type: 'set', strategy: 'merge' }),
  managedFields: list(17, ManagedFieldsEntrySchema, 'who manages which fields; kept by the server'),
});

/** The schema of `metadata`; its static type is that of a stored object. */
export const ObjectMetaSchema = Type.Unsafe<ObjectMeta>(ObjectMetaObject as TSchema);

/** Metadata of a list. */
export interface ListMeta {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
}
