/** Pure: counts answers against a probe's thresholds. Source: Kubernetes documentation, "Configure Probes". */
import type { Probe } from '../../../shared/api/probe.ts';

export interface ProbeTally {
  verdict: 'unknown' | 'success' | 'failure';
  /** Answers in a row of the latest kind. */
  latest: 'success' | 'failure' | undefined;
  inARow: number;
}

/** Before the first answer a container is alive, not yet started, and not yet ready. */
export function initialTally(kind: 'liveness' | 'readiness' | 'startup'): ProbeTally {
  const verdicts = { liveness: 'success', readiness: 'failure', startup: 'unknown' } as const;
  return { verdict: verdicts[kind], latest: undefined, inARow: 0 };
}

export function countAnswer(tally: ProbeTally, ok: boolean, probe: Probe): ProbeTally {
  const latest = ok ? 'success' : 'failure';
  const inARow = tally.latest === latest ? tally.inARow + 1 : 1;
  const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { verdict: inARow >= threshold ? latest : tally.verdict, latest, inARow };
}
