/**
 * Event: something that happened to an object; repeats are counted. Source: Kubernetes API reference, core/v1 Event.
 */
import type { Static } from 'typebox';
import type { FieldError } from '../machinery/errors.ts';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, int32, microTime, object, ref, required, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { eventColumns } from './columns/event.ts';
import { KIND_NAMES } from './kind-names.ts';
import { ObjectReferenceSchema } from './references.ts';
import { invalidValue } from './validation/field-error.ts';

export const EventSourceSchema = object('EventSource', 'Who reported the event', {
  component: str(1, 'program'),
  host: str(2, 'node'),
});

export type EventSource = Static<typeof EventSourceSchema>;

export const EventSeriesSchema = object('EventSeries', 'Repeats of an event', {
  count: int32(1, 'how often it happened'),
  lastObservedTime: microTime(2, 'when it last happened'),
});

export type EventSeries = Static<typeof EventSeriesSchema>;

export const EventSchema = object('Event', 'Something that happened to an object', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Event')),
  metadata: required(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  involvedObject: required(ref(2, ObjectReferenceSchema, 'what it happened to')),
  reason: str(3, 'what happened, in one CamelCase word'),
  message: str(4, 'what happened, for people'),
  source: defaulted(ref(5, EventSourceSchema, 'who reported it', { default: {} })),
  firstTimestamp: time(6, 'when it first happened'),
  lastTimestamp: time(7, 'when it last happened'),
  count: int32(8, 'how often it happened'),
  type: str(9, 'Normal or Warning'),
  eventTime: microTime(10, 'when it happened, in newer clients'),
  series: ref(11, EventSeriesSchema, 'repeats, in newer clients'),
  action: str(12, 'what was done about it'),
  related: ref(13, ObjectReferenceSchema, 'a second object that it is about'),
  reportingComponent: defaulted(str(14, 'program that reported it', { default: '' })),
  reportingInstance: defaulted(str(15, 'instance of that program', { default: '' })),
});

export type Event = Static<typeof EventSchema>;

/** Events of cluster-scoped objects live in this namespace. */
const CLUSTER_EVENTS_NAMESPACE = 'default';

/** An event stands in the namespace of what it is about. */
function checkEvent({ metadata, involvedObject }: Event): FieldError[] {
  const subject = involvedObject?.namespace || CLUSTER_EVENTS_NAMESPACE;
  if (involvedObject === undefined || subject === metadata.namespace) return [];
  const why = 'does not match event.namespace';
  return [invalidValue('involvedObject.namespace', involvedObject.namespace ?? '', why)];
}

export const EventKind = defineKind<Event>(KIND_NAMES.Event, {
  shortNames: ['ev'],
  columns: eventColumns,
  selectableFields: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent,
    source: ({ source, reportingComponent }) => source.component || reportingComponent,
    type: ({ type }) => type ?? '',
  },
  validate: checkEvent,
  schema: EventSchema,
});
