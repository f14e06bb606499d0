/** What the details of each kind of entry say. */
import { hasLittleDisk, isHot } from '../views/board-limits.ts';
import type { BoardView, Level, PodView, RequestView, ServiceView, WorkloadView } from '../views/view-types.ts';
import { Charts } from './charts.ts';
import type { Content } from './detail.ts';
import { type Child, element, mark } from './dom.ts';
import { plural, renderAge, renderBytes, renderCelsius, renderShare, renderUptime } from './format.ts';
import { LogView } from './logs.ts';
import { chips, empty, facts, openLink, uptimeBar } from './parts.ts';
import { showPlacement } from './placement.ts';
import type { Route } from './route.ts';
import { aboutOf } from './rows.ts';
import { kindOf, type Store } from './store.ts';
import { describeLink, describeWear, usedDisk } from './tiles.ts';
import { ownersOf, podsOf } from './tree.ts';

interface Context {
  store: Store;
  route: Route;
  key: string;
  nowMs: number;
}

const EVENTS = { id: 'events', name: 'Events' };

export function contentOf(context: Context): Content | undefined {
  const { store, key } = context;
  const kind = kindOf(key);
  if (kind === 'board') return given(store.get('board', key), (board) => boardContent(board, context));
  if (kind === 'pod') return given(store.get('pod', key), (pod) => podContent(pod, context));
  if (kind === 'workload') return given(store.get('workload', key), (workload) => workloadContent(workload, context));
  if (kind === 'service') return given(store.get('service', key), (service) => serviceContent(service, context));
  if (kind === 'request') return given(store.get('request', key), (request) => requestContent(request, context));
  return undefined;
}

function given<T>(value: T | undefined, make: (value: T) => Content): Content | undefined {
  return value === undefined ? undefined : make(value);
}

function boardContent(board: BoardView, context: Context): Content {
  const { store, key } = context;
  return {
    title: board.name,
    kind: 'Board',
    level: board.level,
    tabs: [{ id: 'state', name: 'State' }, { id: 'pods', name: `Pods ${board.pods}` }, EVENTS],
    facts: (tab) => {
      if (tab === 'events') return [eventList(context)];
      if (tab === 'pods') return [podList(podsOn(board.name, store), context)];
      return [boardFacts(board, context)];
    },
    living: (tab) => (tab === 'state' ? new Charts(board.name, board.throttleCelsius) : undefined),
    action: { about: key, name: board.name, without: [board.cordoned ? 'cordon' : 'uncordon'] },
  };
}

function boardFacts(board: BoardView, { store, key, nowMs }: Context): HTMLElement {
  const trend = store.get('trend', key.replace('board', 'trend'));
  const uptime = store.get('uptime', key.replace('board', 'uptime'));
  const { temperatureCelsius, throttleCelsius, cpuMillis, memoryUsedBytes, diskTotalBytes } = board;
  const used = usedDisk(board);
  const slope = trend === undefined || trend.direction === 'unknown' ? '' : `, ${trend.direction}`;
  const limit = throttleCelsius === undefined ? '' : `, it slows itself down at ${throttleCelsius} °C`;
  return facts([
    [
      'State',
      `${board.ready ? 'Ready' : 'Not ready'} for ${renderAge(board.since, nowMs)}${board.cordoned ? ', takes no new pods' : ''}${board.reason === '' ? '' : `: ${board.reason}`}`,
    ],
    ['Needs a look', board.complaints.join(' ')],
    [
      'Temperature',
      temperatureCelsius === undefined
        ? 'no sensor'
        : reading(`${renderCelsius(temperatureCelsius)}${slope}${limit}`, isHot(board) && 'warning'),
    ],
    ['Power', power(board)],
    [
      'CPU',
      cpuMillis === undefined
        ? ''
        : `${(cpuMillis / 1000).toFixed(2)} of ${board.cpuCapacityMillis / 1000} cores${board.loadAverage === undefined ? '' : `, load ${board.loadAverage.toFixed(2)}`}`,
    ],
    [
      'Memory',
      memoryUsedBytes === undefined
        ? ''
        : `${renderBytes(memoryUsedBytes)} of ${renderBytes(board.memoryCapacityBytes)}`,
    ],
    [
      'Disk',
      used === undefined || !diskTotalBytes
        ? ''
        : reading(
            `${renderBytes(used)} of ${renderBytes(diskTotalBytes)}, ${renderShare(used / diskTotalBytes)}`,
            hasLittleDisk(board) && 'warning',
          ),
    ],
    ['Wear', describeWear({ board, trend })],
    ['Link', `${describeLink(board)}${board.address === '' ? '' : `, ${board.address}`}`],
    ['Last 24 hours', [uptimeBar(uptime, 'day'), ` ${renderUptime(uptime?.dayShare)}`]],
    ['Last 7 days', [uptimeBar(uptime, 'week'), ` ${renderUptime(uptime?.weekShare)}`]],
    ['Pods', `${board.pods} of ${board.podCapacity}`],
    ['Model', board.model],
    ['System', board.system],
    ['Last reading', board.readAt === undefined ? 'none' : `${renderAge(board.readAt, nowMs)} ago`],
  ]);
}

/** As the rest of the facts, unless it is what asks for a look. */
function reading(text: string, level: Level | false): HTMLElement {
  return element('span', { class: level === false ? '' : `status ${level}`, text });
}

function power({ underVoltage, throttled }: BoardView): HTMLElement {
  const words = [underVoltage && 'too little voltage', throttled && 'throttled by the firmware'].filter(Boolean);
  return reading(words.join(', ') || 'fine', underVoltage ? 'problem' : throttled && 'warning');
}

function podsOn(node: string, store: Store): [string, PodView][] {
  return [...store.all('pod')].filter(([, pod]) => pod.node === node);
}

function podContent(pod: PodView, context: Context): Content {
  return {
    title: pod.name,
    kind: `Pod in ${pod.namespace}`,
    level: pod.level,
    tabs: [
      { id: 'state', name: 'State' },
      { id: 'logs', name: 'Logs' },
      { id: 'placement', name: 'Placement' },
      EVENTS,
    ],
    facts: (tab) => (tab === 'state' ? [podFacts(pod, context)] : tab === 'events' ? [eventList(context)] : []),
    living: (tab) => {
      if (tab === 'logs') return new LogView(pod);
      if (tab !== 'placement') return undefined;
      const place = element('section', { class: 'placement' }, [empty('Asking the scheduler …')]);
      return { element: place, open: () => void showPlacement(place, pod), close: () => undefined };
    },
    action: { about: context.key, name: pod.name, without: [] },
  };
}

function podFacts(pod: PodView, { store, route, nowMs }: Context): HTMLElement {
  const owners = ownersOf(pod.owner, store.all('workload')).flatMap(([key, { kind, name }]): Child[] => [
    openLink(route, key, `${kind} ${name}`),
    ' → ',
  ]);
  const board = pod.node === '' ? 'none yet' : openLink(route, `board/${pod.node}`, pod.node);
  return facts([
    ['Status', [element('span', { class: `status ${pod.level}`, text: pod.status })]],
    ['Why', pod.why],
    ['Made by', owners.length === 0 ? 'nobody: it stands alone' : [...owners, 'this pod']],
    ['Board', [board]],
    ['Containers', `${pod.ready} of ${pod.containers.length} ready: ${pod.containers.join(', ')}`],
    ['Restarts', String(pod.restarts)],
    ['Address', pod.ip],
    ['Age', renderAge(pod.createdAt, nowMs)],
    ['Labels', [labelChips(pod.labels)]],
  ]);
}

function labelChips(labels: Readonly<Record<string, string>>): HTMLElement {
  return chips(Object.entries(labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`)));
}

function workloadContent(workload: WorkloadView, context: Context): Content {
  const { store, key, route } = context;
  const pods = podsOf(key, store.all('workload'), store.all('pod'));
  const children = [...store.all('workload')].filter(([, { owner }]) => owner === key);
  return {
    title: workload.name,
    kind: `${workload.kind} in ${workload.namespace}`,
    level: workload.level,
    tabs: [{ id: 'state', name: 'State' }, { id: 'pods', name: `Pods ${pods.length}` }, EVENTS],
    facts: (tab) => {
      if (tab === 'events') return [eventList(context)];
      if (tab === 'pods') return [podList(pods, context)];
      const owners = ownersOf(workload.owner, store.all('workload'));
      return [
        facts([
          ['State', [element('span', { class: `status ${workload.level}`, text: workload.state })]],
          ['Made by', owners.map(([owner, { kind, name }]) => openLink(route, owner, `${kind} ${name}`))],
          [
            'Has made',
            children.map(([child, { kind, name }]) => element('p', {}, [openLink(route, child, `${kind} ${name}`)])),
          ],
          ['Images', [chips(workload.images)]],
          ['Age', renderAge(workload.createdAt, context.nowMs)],
        ]),
        podList(pods, context),
      ];
    },
    living: () => undefined,
    action: {
      about: key,
      name: workload.name,
      replicas: workload.wanted,
      // What its owner would undo at once.
      without: workload.owner === undefined ? [] : ['scale', 'restart'],
    },
  };
}

function serviceContent(service: ServiceView, context: Context): Content {
  const { store, key } = context;
  const wanted = Object.entries(service.selector);
  const pods = [...store.all('pod')].filter(
    ([, pod]) =>
      wanted.length > 0 &&
      pod.namespace === service.namespace &&
      wanted.every(([name, value]) => pod.labels[name] === value),
  );
  return {
    title: service.name,
    kind: `Service in ${service.namespace}`,
    level: service.level,
    tabs: [{ id: 'state', name: 'State' }, EVENTS],
    facts: (tab) => {
      if (tab === 'events') return [eventList(context)];
      return [
        facts([
          ['Type', service.type],
          ['Addresses', [service.clusterIP, ...service.external].filter(Boolean).join(', ')],
          ['Ports', service.ports.join(', ')],
          ['Endpoints', `${service.ready} of ${service.endpoints} ready`],
          ['Selects', [labelChips(service.selector)]],
          ['Age', renderAge(service.createdAt, context.nowMs)],
        ]),
        podList(pods, context),
      ];
    },
    living: () => undefined,
    action: { about: key, name: service.name, without: [] },
  };
}

function requestContent(request: RequestView, { key, nowMs }: Context): Content {
  return {
    title: request.node,
    kind: 'A board that asks to be let in',
    level: 'warning',
    tabs: [],
    facts: () => [
      facts([
        ['Asked by', request.askedBy],
        ['Request', request.name],
        ['Since', renderAge(request.createdAt, nowMs)],
      ]),
      empty(
        'Let in only a board that you have just set up. Who has signed in decides here, or with: kubectl certificate approve',
      ),
    ],
    living: () => undefined,
    action: { about: key, name: request.node, without: [] },
  };
}

/** Of more than these the lists of the view tell. */
const MAX_PODS = 100;

function podList(pods: readonly [string, PodView][], { route }: Context): HTMLElement {
  if (pods.length === 0) return empty('No pods.');
  const items = pods
    .slice(0, MAX_PODS)
    .map(([key, pod]) =>
      element('li', {}, [
        mark(pod.level),
        openLink(route, key, pod.name),
        element('span', { class: `status ${pod.level}`, text: pod.status }),
        element('span', { class: 'quiet', text: pod.node }),
      ]),
    );
  const rest =
    pods.length > MAX_PODS ? [element('li', { text: `and ${plural(pods.length - MAX_PODS, 'more pod')}` })] : [];
  return element('ul', { class: 'mini', 'aria-label': 'Pods' }, [...items, ...rest]);
}

function eventList({ store, key, nowMs }: Context): HTMLElement {
  const events = [...store.all('event').values()]
    .filter((event) => aboutOf(event) === key)
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  if (events.length === 0) return empty('Nothing has happened lately.');
  const items = events.map((event) =>
    element('li', {}, [
      mark(event.level === 'warning' ? 'warning' : 'quiet'),
      element('span', {}, [element('strong', { text: event.reason }), ` ${event.message}`]),
      element('span', {
        class: 'quiet',
        text: `${renderAge(event.at, nowMs)}${event.count > 1 ? ` ×${event.count}` : ''}`,
      }),
    ]),
  );
  return element('ul', { class: 'mini events', 'aria-label': 'Events' }, items);
}
