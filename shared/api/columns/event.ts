/** What `kubectl get events` prints. Newer clients write eventTime and series instead of timestamps and count. */
import { renderAge } from '../../machinery/age.ts';
import type { Column } from '../../schema/define-kind.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';
import type { ObjectReference } from '../references.ts';

/** The fields of an Event that its row shows. */
export interface EventParts extends KubernetesObject {
  involvedObject: ObjectReference;
  reason?: string;
  message?: string;
  type?: string;
  source: { component?: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
  firstTimestamp?: string;
  lastTimestamp?: string;
  eventTime?: string;
  count?: number;
  series?: { count?: number; lastObservedTime?: string };
}

function firstSeen({ firstTimestamp, eventTime }: EventParts): string | undefined {
  return firstTimestamp ?? eventTime;
}

function lastSeen(event: EventParts): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event);
}

/** `pod/web-1`; only the kind when the object has no name. */
export function subjectText({ involvedObject: { kind = '', name } }: EventParts): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

/** `kubelet, pi-3`: who reported it, and where. */
export function reporterText({ source, reportingComponent, reportingInstance }: EventParts): string {
  const component = source.component || reportingComponent;
  const place = source.host || reportingInstance;
  return place ? `${component}, ${place}` : component;
}

export const eventColumns: readonly Column<EventParts>[] = [
  {
    name: 'Last Seen',
    type: 'string',
    description: 'time since it last happened',
    value: (event, { nowMs }) => renderAge(lastSeen(event), nowMs),
  },
  { name: 'Type', type: 'string', description: 'Normal or Warning', value: ({ type }) => type ?? '' },
  { name: 'Reason', type: 'string', description: 'what happened, in one word', value: ({ reason }) => reason ?? '' },
  { name: 'Object', type: 'string', description: 'what it happened to', value: subjectText },
  {
    name: 'Subobject',
    type: 'string',
    priority: 1,
    description: 'part of the object',
    value: ({ involvedObject }) => involvedObject.fieldPath ?? '',
  },
  { name: 'Source', type: 'string', priority: 1, description: 'who reported it', value: reporterText },
  {
    name: 'Message',
    type: 'string',
    description: 'what happened, for people',
    value: ({ message }) => (message ?? '').trim(),
  },
  {
    name: 'First Seen',
    type: 'string',
    priority: 1,
    description: 'time since it first happened',
    value: (event, { nowMs }) => renderAge(firstSeen(event), nowMs),
  },
  {
    name: 'Count',
    type: 'integer',
    priority: 1,
    description: 'how often it happened',
    value: ({ count, series }) => series?.count ?? (count || 1),
  },
  {
    name: 'Name',
    type: 'string',
    format: 'name',
    priority: 1,
    description: 'name of the event',
    value: ({ metadata }) => metadata.name,
  },
];
