/**
 * What an alert is. Contract for whoever tells of alerts elsewhere: an Event with the reason `Alert` and the name, on the object
 * that it is about, of type Warning when it begins and Normal when it is over; and `AlertController.firing()` for what is now.
 */
import type { EventSubject } from '../../../shared/client/event-recorder.ts';

export const ALERT_NAMES = [
  'BoardLost',
  'BoardHot',
  'UnderVoltage',
  'DiskNearlyFull',
  'CertificateNearEnd',
  'SnapshotFailed',
  'CrashLoop',
] as const;

export type AlertName = (typeof ALERT_NAMES)[number];

/**
 * One look at one thing that can be wrong. `between` is the dead band: what is firing stays so, what is not does not begin.
 * Things that are well all along need not be mentioned.
 */
export interface Signal {
  name: AlertName;
  subject: EventSubject;
  level: 'bad' | 'between' | 'good';
  message: string;
}

export interface Alert {
  name: AlertName;
  subject: EventSubject;
  /** A sentence for people, as of the last look. */
  message: string;
  /** Wall-clock time at which it began. */
  sinceMs: number;
}

export interface AlertChange {
  type: 'firing' | 'resolved';
  alert: Alert;
}

/** How long something must be bad before it is told, and good before it is over. */
export interface Patience {
  badMs: number;
  goodMs: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** What comes and goes by itself is given more time; what somebody else has judged already is told at once. */
export const PATIENCE: Readonly<Record<AlertName, Patience>> = {
  BoardLost: { badMs: 0, goodMs: 10 * SECOND_MS },
  BoardHot: { badMs: 30 * SECOND_MS, goodMs: 2 * MINUTE_MS },
  UnderVoltage: { badMs: 10 * SECOND_MS, goodMs: 5 * MINUTE_MS },
  DiskNearlyFull: { badMs: MINUTE_MS, goodMs: MINUTE_MS },
  CertificateNearEnd: { badMs: 0, goodMs: 0 },
  SnapshotFailed: { badMs: 0, goodMs: 0 },
  CrashLoop: { badMs: 0, goodMs: 2 * MINUTE_MS },
};

export function keyOf({ name, subject }: Pick<Signal, 'name' | 'subject'>): string {
  const { namespace = '', name: object } = subject.metadata;
  return `${name}/${subject.kind}/${namespace}/${object}`;
}
