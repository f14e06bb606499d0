/** How long ago something was, in the few letters that tables have for it. */

/** Kubernetes' short form of a duration since `timestamp`: `5s`, `3m12s`, `5h30m`, `12d`; `<unknown>` without a time. */
export function renderAge(timestamp: string | undefined, nowMs: number): string {
  const sinceMs = nowMs - Date.parse(timestamp ?? '');
  return Number.isNaN(sinceMs) ? '<unknown>' : renderDuration(Math.max(0, sinceMs));
}

/** Two units at most, as kubectl prints durations (k8s.io/apimachinery duration.HumanDuration). */
export function renderDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return withRest(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  return withRest(Math.floor(days / 365), 'y', days % 365, 'd');
}

function withRest(value: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${value}${unit}` : `${value}${unit}${rest}${restUnit}`;
}
