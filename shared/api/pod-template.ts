/**
 * PodTemplateSpec: what the pods of a workload look like. Source: Kubernetes API reference, core/v1 PodTemplateSpec.
 */
import type { Static } from 'typebox';
import { defaulted, object, ref } from '../schema/fields.ts';
import { PartialObjectMetaSchema } from './partial-object-meta.ts';
import { PodSpecSchema } from './pod-spec.ts';

export const PodTemplateSpecSchema = object('PodTemplateSpec', 'What the pods of a workload look like', {
  metadata: defaulted(ref(1, PartialObjectMetaSchema, 'labels and annotations of the pods', { default: {} })),
  spec: defaulted(ref(2, PodSpecSchema, 'what the pods run', { default: {} })),
});

export type PodTemplateSpec = Static<typeof PodTemplateSpecSchema>;
