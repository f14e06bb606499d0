/** The page in the browser: ties connection, store, address and views together, and draws at most once a frame. */
import { Connection } from './connection.ts';
import { contentOf } from './contents.ts';
import { Detail } from './detail.ts';
import { byId, element, fill, setText } from './dom.ts';
import { namespacesOf } from './filter.ts';
import { renderDuration } from './format.ts';
import { listenToKeys } from './keys.ts';
import { Lists } from './lists.ts';
import { Overview } from './overview.ts';
import type { Scene } from './parts.ts';
import { parseRoute, type Route, renderRoute, VIEWS } from './route.ts';
import { Session } from './session.ts';
import { Store } from './store.ts';
import { listenToTheme } from './theme.ts';

/** Older than this the data is called old. */
const STALE_MS = 6_000;

/** Ages in rows are written again this often. */
const AGES_MS = 20_000;

const store = new Store();
let route = parseRoute(location.hash);
let uptimeSpan: 'day' | 'week' = 'day';
let stamp = 0;
let frame = 0;
let namespaces = '';

const scene = (): Scene => ({ route, nowMs: store.masterMs(performance.now()), uptimeSpan });
const session = new Session(onSession);
const overview = new Overview(scene);
const lists = new Lists(scene);
const detail = new Detail({
  store,
  session,
  contentOf: (key, at) => contentOf({ store, key, route: at, nowMs: scene().nowMs }),
  go,
});
const connection = new Connection({
  store,
  onChange: drawSoon,
  onLost: () => void session.refresh().catch(() => undefined),
});

function onSession(): void {
  if (session.maySee) connection.open();
  else {
    connection.close();
    session.askForToken();
  }
  drawSoon();
}

function drawSoon(): void {
  if (frame !== 0) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
}

function draw(): void {
  document.body.dataset['view'] = route.view;
  for (const view of VIEWS) byId(view).hidden = view !== route.view;
  for (const link of byId('views').querySelectorAll('a')) {
    const view = VIEWS.find((one) => one === link.dataset['view']) ?? 'overview';
    link.href = renderRoute({ ...route, view, open: '', tab: '' });
    if (view === route.view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (store.isLoaded) {
    drawNamespaces();
    if (route.view === 'overview') overview.show(store, stamp);
    else lists.show(route.view, store, stamp);
  }
  detail.show(route);
  drawAge();
}

function drawNamespaces(): void {
  const names = namespacesOf([
    ...store.all('workload').values(),
    ...store.all('pod').values(),
    ...store.all('service').values(),
  ]);
  if (route.namespace !== '' && !names.includes(route.namespace)) names.push(route.namespace);
  const select = byId<HTMLSelectElement>('namespace');
  if (namespaces !== names.join()) {
    namespaces = names.join();
    const options = names.map((name) => element('option', { value: name, text: name }));
    fill(select, [element('option', { value: '', text: 'All namespaces' }), ...options]);
  }
  select.value = route.namespace;
}

function drawAge(): void {
  const age = byId('age');
  if (store.heardMs === undefined) return;
  const ageMs = performance.now() - store.heardMs;
  const isStale = ageMs > STALE_MS;
  age.dataset['state'] = isStale ? 'stale' : 'live';
  setText(byId('age-text'), isStale ? `${renderDuration(ageMs)} old` : `live, ${renderDuration(ageMs)} old`);
  document.body.classList.toggle('stale', isStale);
}

function go(next: Route): void {
  location.hash = renderRoute(next);
}

/** While somebody types the address follows, without a step back for each letter. */
function refine(change: Partial<Route>): void {
  history.replaceState(null, '', renderRoute({ ...route, ...change }));
  onAddress();
}

function onAddress(): void {
  const before = route.view;
  route = parseRoute(location.hash);
  stamp += 1;
  const search = byId<HTMLInputElement>('search');
  if (document.activeElement !== search) search.value = route.search;
  byId<HTMLInputElement>('trouble').checked = route.trouble;
  if (before !== route.view) scrollTo(0, 0);
  drawSoon();
}

addEventListener('hashchange', onAddress);
byId<HTMLInputElement>('search').addEventListener('input', ({ target }) => {
  if (target instanceof HTMLInputElement) refine({ search: target.value });
});
byId<HTMLSelectElement>('namespace').addEventListener('change', ({ target }) => {
  if (target instanceof HTMLSelectElement) refine({ namespace: target.value });
});
byId<HTMLInputElement>('trouble').addEventListener('change', ({ target }) => {
  if (target instanceof HTMLInputElement) refine({ trouble: target.checked });
});
byId('span').addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  uptimeSpan = target.value === 'week' ? 'week' : 'day';
  stamp += 1;
  drawSoon();
});
byId('skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
});
listenToKeys({ go: (view) => go({ ...route, view, open: '', tab: '' }) });
listenToTheme(() => {
  stamp += 1;
  drawSoon();
});
setInterval(drawAge, 1_000);
setInterval(() => {
  stamp += 1;
  drawSoon();
}, AGES_MS);
onAddress();
session.refresh().catch(onSession);
