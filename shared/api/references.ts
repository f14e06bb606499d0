/** References from one object to another, as several kinds share them. Source: Kubernetes API reference, core/v1. */
import type { Static } from 'typebox';
import { object, required, str } from '../schema/fields.ts';

export const LocalObjectReferenceSchema = object(
  'LocalObjectReference',
  'Names an object in the same namespace',
  {
    name: str(1, 'name of the object'),
  },
  { atomic: true },
);

export type LocalObjectReference = Static<typeof LocalObjectReferenceSchema>;

export const ObjectReferenceSchema = object(
  'ObjectReference',
  'Names any object, or a part of it',
  {
    kind: str(1, 'kind of the object'),
    namespace: str(2, 'namespace of the object'),
    name: str(3, 'name of the object'),
    uid: str(4, 'uid of the object'),
    apiVersion: str(5, 'group and version of the object'),
    resourceVersion: str(6, 'revision of the object that is meant'),
    fieldPath: str(7, 'part of the object, such as spec.containers{web}'),
  },
  { atomic: true },
);

export type ObjectReference = Static<typeof ObjectReferenceSchema>;

export const SecretReferenceSchema = object(
  'SecretReference',
  'Names a Secret in any namespace',
  {
    name: str(1, 'name of the Secret'),
    namespace: str(2, 'namespace of the Secret'),
  },
  { atomic: true },
);

export type SecretReference = Static<typeof SecretReferenceSchema>;

export const TypedLocalObjectReferenceSchema = object(
  'TypedLocalObjectReference',
  'Names an object of any kind in the same namespace',
  {
    apiGroup: str(1, 'group of the object; absent for the core group'),
    kind: required(str(2, 'kind of the object')),
    name: required(str(3, 'name of the object')),
  },
  { atomic: true },
);

export type TypedLocalObjectReference = Static<typeof TypedLocalObjectReferenceSchema>;

export const TypedObjectReferenceSchema = object(
  'TypedObjectReference',
  'Names an object of any kind, possibly in another namespace',
  {
    apiGroup: str(1, 'group of the object; absent for the core group'),
    kind: required(str(2, 'kind of the object')),
    name: required(str(3, 'name of the object')),
    namespace: str(4, 'namespace of the object; absent for the same one'),
  },
);

export type TypedObjectReference = Static<typeof TypedObjectReferenceSchema>;
