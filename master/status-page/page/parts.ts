/** Small pictures and pieces that several views share. */
import type { UptimeView } from '../views/view-types.ts';
import { type Child, element, svg } from './dom.ts';
import { renderUptime } from './format.ts';
import { type Route, renderRoute } from './route.ts';

/** What every view gets to draw with. */
export interface Scene {
  route: Route;
  /** By the master's clock. */
  nowMs: number;
  uptimeSpan: 'day' | 'week';
}

/** A link that opens the details of an entry over the present view. */
export function openLink(route: Route, key: string, text: string, tab = ''): HTMLAnchorElement {
  return element('a', { href: renderRoute({ ...route, open: key, tab }), text });
}

/** A share from 0 to 1 as a bar; the words beside it say the same. */
export function bar(share: number, level: string): HTMLElement {
  const fill = element('span', { class: `fill ${level}` });
  fill.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return element('span', { class: 'bar', 'aria-hidden': 'true' }, [fill]);
}

export function shareLevel(share: number): string {
  return share >= 0.95 ? 'problem' : share >= 0.85 ? 'warning' : 'calm';
}

const WIDTH = 120;
const HEIGHT = 36;

/** The last hour as a line, with the limit where it is in sight. Decoration: the figures stand beside it. */
export function sparkline(values: readonly (number | null)[], limit: number | undefined): SVGElement {
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known, 40);
  const high = Math.max(...known, limit ?? 60, 60);
  const y = (value: number): string => (HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4)).toFixed(1);
  const step = WIDTH / Math.max(values.length - 1, 1);
  let path = '';
  values.forEach((value, index) => {
    if (value !== null)
      path += `${path === '' || values[index - 1] === null ? 'M' : 'L'}${(index * step).toFixed(1)} ${y(value)}`;
  });
  const lines = [svg('path', { d: path, class: 'line' })];
  if (limit !== undefined) lines.unshift(svg('path', { d: `M0 ${y(limit)}H${WIDTH}`, class: 'limit' }));
  return svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'spark', 'aria-hidden': 'true', preserveAspectRatio: 'none' },
    lines,
  );
}

/** A stripe a slot, one element for all of them: a thousand boards are drawn with it. */
export function uptimeBar(uptime: UptimeView | undefined, span: 'day' | 'week'): HTMLElement {
  const slots = uptime?.[span] ?? '';
  const share = span === 'day' ? uptime?.dayShare : uptime?.weekShare;
  const words = `Up ${renderUptime(share)} of the last ${span === 'day' ? '24 hours' : '7 days'}, as far as is known`;
  const stripes = element('span', { class: `uptime ${span}`, role: 'img', 'aria-label': words });
  const each = 100 / Math.max(slots.length, 1);
  const stops = [...slots].map((slot, index) => `${colorOf(slot)} ${index * each}% ${(index + 1) * each}%`);
  if (stops.length > 0) stripes.style.backgroundImage = `linear-gradient(90deg, ${stops.join(',')})`;
  return stripes;
}

function colorOf(slot: string): string {
  if (slot === '-') return 'var(--unknown)';
  return slot === '9' ? 'var(--up)' : Number(slot) >= 7 ? 'var(--partly)' : 'var(--down)';
}

/** Names and values, one below the other. */
export function facts(rows: readonly (readonly [string, Child | readonly Child[]])[]): HTMLElement {
  const list = element('dl', { class: 'facts' });
  for (const [name, value] of rows) {
    if (value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0))
      continue;
    const children = Array.isArray(value) ? value : [value as Child];
    list.append(element('dt', { text: name }), element('dd', {}, children));
  }
  return list;
}

export function chips(texts: readonly string[]): HTMLElement {
  return element(
    'span',
    { class: 'chips' },
    texts.map((text) => element('span', { class: 'chip', text })),
  );
}

export function empty(text: string): HTMLElement {
  return element('p', { class: 'empty', text });
}
