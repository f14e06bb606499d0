/** Alerts as they are told on their topics. They are found elsewhere (master/controllers/alerts); this is what is needed of them. */
import { formatTime } from '../../shared/platform/clock.ts';
import { topics } from '../../shared/protocol/topics.ts';

export interface Alert {
  name: string;
  /** What it is about. */
  subject: { kind: string; metadata: { name: string; namespace?: string } };
  message: string;
  sinceMs: number;
}

export interface AlertSource {
  /** What is wrong now. */
  firing(): readonly Alert[];
  /** Hears of each alert that begins or ends. */
  onChange(listener: (change: { type: 'firing' | 'resolved'; alert: Alert }) => void): void;
}

export function topicOfAlert({ name, subject }: Alert): string {
  const { namespace, name: about } = subject.metadata;
  return topics.alertState(name, namespace ? `${namespace}/${about}` : about);
}

export function renderAlert({ name, subject, message, sinceMs }: Alert) {
  const { namespace, name: about } = subject.metadata;
  const object = { kind: subject.kind, ...(namespace ? { namespace } : {}), name: about };
  return { alert: name, ...object, message, since: formatTime(sinceMs) };
}
