/** One row of each of the lists: a link to the details, and what matters most beside it. */
import type { EventView, PodView, ServiceView } from '../views/view-types.ts';
import { type Child, element, fill, mark } from './dom.ts';
import { renderAge } from './format.ts';
import type { Row } from './list.ts';
import { openLink, type Scene } from './parts.ts';
import type { Branch } from './tree.ts';

type Draw<T> = (item: T, scene: Scene, key: string) => Child[];

function makeRow<T>(
  key: string,
  scene: () => Scene,
  { className, draw }: { className: string; draw: Draw<T> },
): Row<T> {
  const node = element('li', { class: `row ${className}` });
  return { element: node, draw: (item) => fill(node, draw(item, scene(), key)) };
}

const cell = (name: string, text: string): HTMLElement => element('span', { class: name, text });

export function makePodRow(key: string, scene: () => Scene): Row<PodView> {
  return makeRow<PodView>(key, scene, { className: 'pod', draw: drawPod });
}

function drawPod(pod: PodView, { route, nowMs }: Scene, key: string): Child[] {
  const state = element('span', { class: `status ${pod.level}`, text: pod.status });
  return [
    mark(pod.level),
    element('span', { class: 'name' }, [openLink(route, key, pod.name), cell('why', pod.why)]),
    cell('namespace', pod.namespace),
    state,
    cell('ready', `${pod.ready}/${pod.containers.length} ready`),
    cell('restarts', pod.restarts === 0 ? '' : `${pod.restarts} restarts`),
    cell('node', pod.node || 'no board'),
    cell('age', renderAge(pod.createdAt, nowMs)),
    logsLink(pod, route, key),
  ];
}

function logsLink(pod: PodView, route: Scene['route'], key: string): HTMLAnchorElement {
  const link = openLink(route, key, 'Logs', 'logs');
  link.className = 'logs';
  link.setAttribute('aria-label', `Logs of ${pod.name}`);
  return link;
}

export function makeWorkloadRow(key: string, scene: () => Scene): Row<Branch> {
  return makeRow<Branch>(key, scene, { className: 'workload', draw: drawWorkload });
}

function drawWorkload({ workload, depth }: Branch, { route, nowMs }: Scene, key: string): Child[] {
  const { level, kind, name, namespace, state, images, createdAt } = workload;
  const title = element('span', { class: `name depth${Math.min(depth, 3)}` }, [
    depth > 0 && element('span', { class: 'twig', 'aria-hidden': 'true', text: '└ ' }),
    openLink(route, key, name),
  ]);
  return [
    mark(level),
    title,
    cell('namespace', namespace),
    cell('kind', kind),
    element('span', { class: `status ${level}`, text: state }),
    cell('images', images.join(', ')),
    cell('age', renderAge(createdAt, nowMs)),
  ];
}

export function makeServiceRow(key: string, scene: () => Scene): Row<ServiceView> {
  return makeRow<ServiceView>(key, scene, { className: 'service', draw: drawService });
}

function drawService(service: ServiceView, { route, nowMs }: Scene, key: string): Child[] {
  const { level, name, namespace, type, clusterIP, external, ports, ready, endpoints, createdAt } = service;
  return [
    mark(level),
    element('span', { class: 'name' }, [openLink(route, key, name)]),
    cell('namespace', namespace),
    cell('kind', type),
    cell('address', [clusterIP, ...external].filter(Boolean).join(', ')),
    cell('ports', ports.join(', ')),
    element('span', { class: `status ${level}`, text: `${ready} of ${endpoints} ready` }),
    cell('age', renderAge(createdAt, nowMs)),
  ];
}

export function makeEventRow(key: string, scene: () => Scene): Row<EventView> {
  return makeRow<EventView>(key, scene, { className: 'event', draw: drawEvent });
}

function drawEvent(event: EventView, { route, nowMs }: Scene): Child[] {
  const about = aboutOf(event);
  const times = event.count > 1 ? ` ×${event.count}` : '';
  return [
    mark(event.level === 'warning' ? 'warning' : 'quiet'),
    element('span', { class: 'name' }, [
      element('span', { class: `reason ${event.level}`, text: `${event.reason}${times}` }),
      element('span', { class: 'message', text: event.message }),
    ]),
    element('span', { class: 'about' }, [
      about === undefined ? `${event.kind} ${event.name}` : openLink(route, about, `${event.kind} ${event.name}`),
    ]),
    cell('namespace', event.namespace),
    cell('age', renderAge(event.at, nowMs)),
  ];
}

/** Key of the entry that an event is about, if that kind has entries. */
export function aboutOf({ kind, namespace, name }: EventView): string | undefined {
  if (kind === 'Node') return `board/${name}`;
  if (kind === 'Pod') return `pod/${namespace}/${name}`;
  if (kind === 'Service') return `service/${namespace}/${name}`;
  const isWorkload = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'].includes(kind);
  return isWorkload ? `workload/${kind}/${namespace}/${name}` : undefined;
}
