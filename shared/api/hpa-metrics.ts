/** What an autoscaler looks at, and what it saw. Source: Kubernetes API reference, autoscaling/v2 MetricSpec. */
import type { Static } from 'typebox';
import { int32, object, oneOf, quantity, ref, required, str } from '../schema/fields.ts';
import { LabelSelectorSchema } from './label-selector.ts';

export const CrossVersionObjectReferenceSchema = object(
  'CrossVersionObjectReference',
  'Names an object in the same namespace, in whatever version',
  {
    kind: required(str(1, 'kind of the object')),
    name: required(str(2, 'name of the object')),
    apiVersion: str(3, 'group and version of the object'),
  },
);

export type CrossVersionObjectReference = Static<typeof CrossVersionObjectReferenceSchema>;

export const MetricTargetSchema = object('MetricTarget', 'What a metric should be like', {
  type: required(oneOf(1, ['Utilization', 'Value', 'AverageValue'], 'how the target is given')),
  value: quantity(2, 'wanted value'),
  averageValue: quantity(3, 'wanted value, averaged over the pods'),
  averageUtilization: int32(4, 'wanted share of the requests in percent, averaged over the pods'),
});

export type MetricTarget = Static<typeof MetricTargetSchema>;

export const MetricIdentifierSchema = object('MetricIdentifier', 'Names a metric', {
  name: required(str(1, 'name of the metric')),
  selector: ref(2, LabelSelectorSchema, 'chooses among metrics of that name'),
});

export const ResourceMetricSourceSchema = object('ResourceMetricSource', 'cpu or memory of the pods', {
  name: required(str(1, 'the resource')),
  target: required(ref(2, MetricTargetSchema, 'what it should be like')),
});

export type ResourceMetricSource = Static<typeof ResourceMetricSourceSchema>;

export const ContainerResourceMetricSourceSchema = object(
  'ContainerResourceMetricSource',
  'cpu or memory of one container of the pods',
  {
    name: required(str(1, 'the resource')),
    target: required(ref(2, MetricTargetSchema, 'what it should be like')),
    container: required(str(3, 'name of the container')),
  },
);

export type ContainerResourceMetricSource = Static<typeof ContainerResourceMetricSourceSchema>;

export const PodsMetricSourceSchema = object('PodsMetricSource', 'A metric that each pod has', {
  metric: required(ref(1, MetricIdentifierSchema, 'the metric')),
  target: required(ref(2, MetricTargetSchema, 'what it should be like')),
});

export const ObjectMetricSourceSchema = object('ObjectMetricSource', 'A metric of one object', {
  describedObject: required(ref(1, CrossVersionObjectReferenceSchema, 'the object')),
  target: required(ref(2, MetricTargetSchema, 'what it should be like')),
  metric: required(ref(3, MetricIdentifierSchema, 'the metric')),
});

export const ExternalMetricSourceSchema = object('ExternalMetricSource', 'A metric from outside of the cluster', {
  metric: required(ref(1, MetricIdentifierSchema, 'the metric')),
  target: required(ref(2, MetricTargetSchema, 'what it should be like')),
});

const METRIC_TYPES = ['Object', 'Pods', 'Resource', 'ContainerResource', 'External'] as const;

export const MetricSpecSchema = object('MetricSpec', 'What is looked at; the field of its type is set', {
  type: required(oneOf(1, METRIC_TYPES, 'which of the fields is set')),
  object: ref(2, ObjectMetricSourceSchema, 'a metric of one object'),
  pods: ref(3, PodsMetricSourceSchema, 'a metric that each pod has'),
  resource: ref(4, ResourceMetricSourceSchema, 'cpu or memory of the pods'),
  containerResource: ref(7, ContainerResourceMetricSourceSchema, 'cpu or memory of one container'),
  external: ref(5, ExternalMetricSourceSchema, 'a metric from outside of the cluster'),
});

export type MetricSpec = Static<typeof MetricSpecSchema>;

export const MetricValueStatusSchema = object('MetricValueStatus', 'What a metric was like', {
  value: quantity(1, 'its value'),
  averageValue: quantity(2, 'its value, averaged over the pods'),
  averageUtilization: int32(3, 'share of the requests in percent, averaged over the pods'),
});

export type MetricValueStatus = Static<typeof MetricValueStatusSchema>;

export const ResourceMetricStatusSchema = object('ResourceMetricStatus', 'cpu or memory of the pods', {
  name: required(str(1, 'the resource')),
  current: required(ref(2, MetricValueStatusSchema, 'what it was like')),
});

export const ContainerResourceMetricStatusSchema = object(
  'ContainerResourceMetricStatus',
  'cpu or memory of one container of the pods',
  {
    name: required(str(1, 'the resource')),
    current: required(ref(2, MetricValueStatusSchema, 'what it was like')),
    container: required(str(3, 'name of the container')),
  },
);

export const PodsMetricStatusSchema = object('PodsMetricStatus', 'A metric that each pod has', {
  metric: required(ref(1, MetricIdentifierSchema, 'the metric')),
  current: required(ref(2, MetricValueStatusSchema, 'what it was like')),
});

export const ObjectMetricStatusSchema = object('ObjectMetricStatus', 'A metric of one object', {
  metric: required(ref(1, MetricIdentifierSchema, 'the metric')),
  current: required(ref(2, MetricValueStatusSchema, 'what it was like')),
  describedObject: required(ref(3, CrossVersionObjectReferenceSchema, 'the object')),
});

export const ExternalMetricStatusSchema = object('ExternalMetricStatus', 'A metric from outside of the cluster', {
  metric: required(ref(1, MetricIdentifierSchema, 'the metric')),
  current: required(ref(2, MetricValueStatusSchema, 'what it was like')),
});

export const MetricStatusSchema = object('MetricStatus', 'What was seen; the field of its type is set', {
  type: required(oneOf(1, METRIC_TYPES, 'which of the fields is set')),
  object: ref(2, ObjectMetricStatusSchema, 'a metric of one object'),
  pods: ref(3, PodsMetricStatusSchema, 'a metric that each pod has'),
  resource: ref(4, ResourceMetricStatusSchema, 'cpu or memory of the pods'),
  containerResource: ref(7, ContainerResourceMetricStatusSchema, 'cpu or memory of one container'),
  external: ref(5, ExternalMetricStatusSchema, 'a metric from outside of the cluster'),
});

export type MetricStatus = Static<typeof MetricStatusSchema>;
