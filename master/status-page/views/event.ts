/** Events, the newest of them. Pure. */
import type { Event } from '../../../shared/api/event.ts';
import { shorten } from './text.ts';
import type { EventView } from './view-types.ts';

/** Events that the page shows at most. */
export const MAX_EVENTS = 300;

export function computeEvent(event: Event): EventView {
  const { involvedObject, series, source } = event;
  return {
    namespace: involvedObject.namespace ?? '',
    level: event.type === 'Warning' ? 'warning' : 'ok',
    reason: shorten(event.reason),
    message: shorten(event.message),
    kind: shorten(involvedObject.kind),
    name: shorten(involvedObject.name),
    count: series?.count ?? event.count ?? 1,
    source: shorten(source?.component || event.reportingComponent),
    at: timeOf(event),
  };
}

export function timeOf({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: Event): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp;
}

export function newest(events: readonly Event[], limit = MAX_EVENTS): Event[] {
  const timed = events.map((event): [number, Event] => [Date.parse(timeOf(event)), event]);
  return timed
    .sort(([a], [b]) => b - a)
    .slice(0, limit)
    .map(([, event]) => event);
}
