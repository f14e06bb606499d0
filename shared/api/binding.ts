/**
 * Bodies of requests below pods and workloads: binding, eviction, scale. Source: Kubernetes API reference, core/v1
 * Binding, policy/v1 Eviction, autoscaling/v1 Scale.
 */
import type { Static } from 'typebox';
import { defaulted, int32, object, ref, required, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { DeleteOptionsSchema } from './delete-options.ts';
import { PartialObjectMetaSchema } from './partial-object-meta.ts';
import { ObjectReferenceSchema } from './references.ts';

export const BindingSchema = object('Binding', 'Places a pod on a node', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Binding')),
  metadata: defaulted(ref(1, PartialObjectMetaSchema, 'name of the pod', { default: {} })),
  target: required(ref(2, ObjectReferenceSchema, 'the node')),
});

export type Binding = Static<typeof BindingSchema>;

export const EvictionSchema = object('Eviction', 'Asks to delete a pod unless a disruption budget forbids it', {
  apiVersion: defaulted(str(undefined, 'always policy/v1')),
  kind: defaulted(str(undefined, 'always Eviction')),
  metadata: defaulted(ref(1, PartialObjectMetaSchema, 'name of the pod', { default: {} })),
  deleteOptions: ref(2, DeleteOptionsSchema, 'how the pod shall be deleted'),
});

export type Eviction = Static<typeof EvictionSchema>;

export const ScaleSpecSchema = object('ScaleSpec', 'What is wanted', {
  replicas: defaulted(int32(1, 'number of pods', { default: 0 })),
});

export type ScaleSpec = Static<typeof ScaleSpecSchema>;

export const ScaleStatusSchema = object('ScaleStatus', 'What has been reached', {
  replicas: required(int32(1, 'number of pods', { default: 0 })),
  selector: str(2, 'chooses the pods, in the form of a query parameter'),
});

export type ScaleStatus = Static<typeof ScaleStatusSchema>;

export const ScaleSchema = object('Scale', 'The replica counts of any workload', {
  apiVersion: defaulted(str(undefined, 'always autoscaling/v1')),
  kind: defaulted(str(undefined, 'always Scale')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, ScaleSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, ScaleStatusSchema, 'what has been reached', { default: {} })),
});

export type Scale = Static<typeof ScaleSchema>;
