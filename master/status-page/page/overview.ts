/** The first screen: the verdict with its reasons, the boards, and the little that one wants to see beside them. */
import type { EventView, VerdictView, WorkloadView } from '../views/view-types.ts';
import { byId, element, mark, refill, setText } from './dom.ts';
import { matches, sorted } from './filter.ts';
import { plural, renderAge } from './format.ts';
import { List } from './list.ts';
import { empty, openLink, type Scene } from './parts.ts';
import { aboutOf } from './rows.ts';
import type { Store } from './store.ts';
import { makeTile, type Tile } from './tiles.ts';

const TITLES = {
  ok: 'Everything is OK',
  warning: 'It works, but look at this',
  problem: 'Something is wrong',
} as const;

/** Shown beside the boards; the views have all of them. */
const MAX_WORKLOADS = 8;
const MAX_EVENTS = 6;

export class Overview {
  readonly #tiles: List<Tile>;
  readonly #scene: () => Scene;
  /** A tile's value is kept while nothing of it changes. */
  readonly #kept = new Map<string, Tile>();

  constructor(scene: () => Scene) {
    this.#scene = scene;
    this.#tiles = new List<Tile>({ container: byId('boards'), make: (key) => makeTile(key, scene) });
  }

  show(store: Store, stamp: number): void {
    this.#showVerdict(store.get('verdict', 'verdict'));
    setText(byId('summary'), summarize(store));
    this.#tiles.show(this.#tilesOf(store), stamp);
    this.#showRequests(store);
    this.#showWorkloads(store);
    this.#showEvents(store);
  }

  #showVerdict(verdict: VerdictView | undefined): void {
    if (verdict === undefined) return;
    byId('verdict').dataset['level'] = verdict.level;
    setText(byId('verdict-title'), TITLES[verdict.level]);
    document.title = verdict.level === 'ok' ? 'Bramble' : `(!) ${TITLES[verdict.level]} · Bramble`;
    const { route } = this.#scene();
    const items = verdict.reasons.map(({ level, text, about }) =>
      element('li', {}, [mark(level), about === undefined ? element('span', { text }) : openLink(route, about, text)]),
    );
    const more = verdict.more > 0 ? [element('li', { class: 'quiet', text: `And ${verdict.more} more.` })] : [];
    refill(byId('reasons'), [...items, ...more]);
  }

  #tilesOf(store: Store): [string, Tile][] {
    const { route } = this.#scene();
    const boards = sorted(store.all('board')).filter(([, board]) =>
      matches({ namespace: '', level: board.level, text: `${board.name} ${board.model}` }, route),
    );
    byId('no-boards').hidden = boards.length > 0;
    return boards.map(([key, board]): [string, Tile] => {
      const trend = store.get('trend', key.replace('board', 'trend'));
      const uptime = store.get('uptime', key.replace('board', 'uptime'));
      const kept = this.#kept.get(key);
      if (kept?.board === board && kept.trend === trend && kept.uptime === uptime) return [key, kept];
      const tile = { board, trend, uptime };
      this.#kept.set(key, tile);
      return [key, tile];
    });
  }

  #showRequests(store: Store): void {
    const { route, nowMs } = this.#scene();
    const items = [...store.all('request')].map(([key, { node, createdAt }]) =>
      element('li', {}, [
        mark('warning'),
        openLink(route, key, `Board ${node} asks to be let in`),
        element('span', { class: 'quiet', text: renderAge(createdAt, nowMs) }),
      ]),
    );
    byId('requests-card').hidden = items.length === 0;
    refill(byId('requests'), items);
  }

  #showWorkloads(store: Store): void {
    const { route } = this.#scene();
    const roots = sorted(store.all('workload'))
      .filter(([, { owner }]) => owner === undefined)
      .filter(([, workload]) => matches(searchable(workload), route))
      .sort(([, a], [, b]) => RANK[b.level] - RANK[a.level]);
    const items = roots
      .slice(0, MAX_WORKLOADS)
      .map(([key, workload]) =>
        element('li', {}, [
          mark(workload.level),
          openLink(route, key, workload.name),
          element('span', { class: `status ${workload.level}`, text: workload.state }),
          element('span', { class: 'quiet', text: `${workload.namespace} · ${workload.kind}` }),
        ]),
      );
    refill(byId('top-workloads'), items.length === 0 ? [element('li', {}, [empty('No workloads.')])] : items);
  }

  #showEvents(store: Store): void {
    const { route, nowMs } = this.#scene();
    const events = newestFirst(store.all('event').values()).filter(
      ({ level, namespace, reason, message }) =>
        level === 'warning' && matches({ namespace, level, text: `${reason} ${message}` }, route),
    );
    const items = events.slice(0, MAX_EVENTS).map((event) => {
      const about = aboutOf(event);
      const subject = `${event.kind} ${event.name}`;
      return element('li', {}, [
        mark('warning'),
        element('span', {}, [
          element('strong', { text: event.reason }),
          ' ',
          about === undefined ? subject : openLink(route, about, subject),
          element('span', { class: 'message', text: event.message }),
        ]),
        element('span', { class: 'quiet', text: renderAge(event.at, nowMs) }),
      ]);
    });
    refill(byId('top-events'), items.length === 0 ? [element('li', {}, [empty('No warnings.')])] : items);
  }
}

const RANK = { quiet: 0, ok: 1, warning: 2, problem: 3 } as const;

function searchable(workload: WorkloadView) {
  return { ...workload, text: `${workload.name} ${workload.namespace} ${workload.kind} ${workload.state}` };
}

export function newestFirst(events: Iterable<EventView>): EventView[] {
  const timed = [...events].map((event): [number, EventView] => [Date.parse(event.at), event]);
  return timed.sort(([a], [b]) => b - a).map(([, event]) => event);
}

function summarize(store: Store): string {
  const boards = [...store.all('board').values()];
  const pods = [...store.all('pod').values()];
  const ready = boards.filter((board) => board.ready).length;
  const running = pods.filter(({ status }) => status === 'Running').length;
  const roots = [...store.all('workload').values()].filter(({ owner }) => owner === undefined).length;
  const services = plural(store.all('service').size, 'service');
  return `${ready} of ${plural(boards.length, 'board')} ready · ${running} of ${plural(pods.length, 'pod')} running · ${plural(roots, 'workload')} · ${services}`;
}
