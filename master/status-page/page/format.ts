/** Numbers and texts as people read them. Pure. */

/** Control characters, and those that turn the direction of what follows: a name must not dress up as another one. */
const UNSEEN = /(?![\t\n])\p{Cc}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** What terminals take for colours, cursor moves and titles. */
const ESCAPES = /(?![\t\n])\p{Cc}(?:\[[0-9;?]*[ -/]*[@-~]|\][^\p{Cc}]*)/gu;

/** Text that shows what it is: every unseen character as one that is seen. */
export function clean(text: string): string {
  return text.replace(ESCAPES, '').replace(UNSEEN, '\ufffd');
}

export function renderDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Since an RFC 3339 time; a dash when it is none. */
export function renderAge(timestamp: string | undefined, nowMs: number): string {
  const sinceMs = nowMs - Date.parse(timestamp ?? '');
  return Number.isNaN(sinceMs) ? '–' : renderDuration(sinceMs);
}

export function renderBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 999.5) return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

export function renderShare(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Uptime: more digits the nearer it is to all, and never 100 % when it is not. */
export function renderUptime(share: number | undefined): string {
  if (share === undefined) return 'not known yet';
  if (share === 1) return '100 %';
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`;
}

export function renderCelsius(celsius: number): string {
  return `${celsius.toFixed(1)} °C`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
