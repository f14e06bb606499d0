/** Pure: what annotations of an Ingress ask for. What cannot be read counts as not said. */
import type { Ingress } from '../../shared/api/ingress.ts';

export const INGRESS_ANNOTATIONS = {
  /** `true`: requests without TLS are sent to where it is. */
  redirectHttps: 'bramble.dev/redirect-https',
  /** Seconds until the first byte of an answer, and between two. */
  timeoutSeconds: 'bramble.dev/timeout-seconds',
} as const;

export interface IngressSettings {
  redirectHttps: boolean;
  timeoutMs: number;
}

const DEFAULT_TIMEOUT_SECONDS = 60;
const MAX_TIMEOUT_SECONDS = 86_400;

export function readSettings({ metadata: { annotations = {} } }: Pick<Ingress, 'metadata'>): IngressSettings {
  const seconds = Number(annotations[INGRESS_ANNOTATIONS.timeoutSeconds]);
  const isSaid = Number.isFinite(seconds) && seconds >= 1 && seconds <= MAX_TIMEOUT_SECONDS;
  return {
    redirectHttps: annotations[INGRESS_ANNOTATIONS.redirectHttps] === 'true',
    timeoutMs: (isSaid ? seconds : DEFAULT_TIMEOUT_SECONDS) * 1000,
  };
}
