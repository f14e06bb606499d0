/** `/healthz`, `/livez` and `/readyz`: named checks, each with its reason when it fails. */
import { StatusError } from '../../../shared/machinery/errors.ts';
import type { Response } from '../../../shared/protocol/exchange.ts';
import { textResponse } from '../response/text.ts';

export interface HealthCheck {
  name: string;
  /** Which paths ask it. */
  paths: readonly HealthPath[];
  /** Resolves when well; rejects with the reason otherwise. */
  check(): Promise<void>;
}

export type HealthPath = 'healthz' | 'livez' | 'readyz';

interface Outcome {
  name: string;
  failure: string | undefined;
}

const HEALTH_PATH = /^\/(healthz|livez|readyz)(?:\/([\w-]+))?\/?$/;

export function parseHealthPath(path: string): { probe: HealthPath; only: string | undefined } | undefined {
  const [, probe, only] = HEALTH_PATH.exec(path) ?? [];
  return probe === 'healthz' || probe === 'livez' || probe === 'readyz' ? { probe, only } : undefined;
}

/** 200 with `ok`, or with a line a check when `verbose`; rejects with 500 and the same lines when a check fails. */
export async function answerHealth(
  checks: readonly HealthCheck[],
  { probe, only }: { probe: HealthPath; only: string | undefined },
  verbose: boolean,
): Promise<Response> {
  const asked = checks.filter(({ name, paths }) => paths.includes(probe) && (only === undefined || name === only));
  if (asked.length === 0) throw new StatusError('NotFound', `there is no check ${JSON.stringify(only)}`);
  const outcomes = await Promise.all(asked.map(runCheck));
  const failed = outcomes.some(({ failure }) => failure !== undefined);
  const subject = only === undefined ? probe : `${probe}/${only}`;
  const lines = [...outcomes.map(renderOutcome), `${subject} check ${failed ? 'failed' : 'passed'}`, ''];
  if (failed) return textResponse(lines.join('\n'), 500);
  return textResponse(verbose ? lines.join('\n') : 'ok');
}

async function runCheck({ name, check }: HealthCheck): Promise<Outcome> {
  try {
    await check();
    return { name, failure: undefined };
  } catch (error) {
    return { name, failure: error instanceof Error ? error.message : String(error) };
  }
}

function renderOutcome({ name, failure }: Outcome): string {
  return failure === undefined ? `[+]${name} ok` : `[-]${name} failed: ${failure}`;
}
