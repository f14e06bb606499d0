/** Metadata of what is no stored object of its own: a pod template, the body of a request. */
import Type from 'typebox';
import { type ObjectMeta, ObjectMetaSchema } from '../schema/object-meta.ts';

export type PartialObjectMeta = Partial<ObjectMeta>;

export const PartialObjectMetaSchema = Type.Unsafe<PartialObjectMeta>(ObjectMetaSchema);
