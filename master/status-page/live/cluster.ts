/**
 * The objects behind the entries: which informers there are, which entries a changed object touches, and how each entry is
 * computed. Secrets and ConfigMaps are not among them.
 */
import { CertificateSigningRequestKind } from '../../../shared/api/certificate-signing-request.ts';
import { CronJobKind } from '../../../shared/api/cron-job.ts';
import { DaemonSetKind } from '../../../shared/api/daemon-set.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { EndpointSliceKind } from '../../../shared/api/endpoint-slice.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { JobKind } from '../../../shared/api/job.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
import { StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import type { Client, KindRef } from '../../../shared/client/client.ts';
import { Informer, keyOf } from '../../../shared/client/informer.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import type { History } from '../history/history.ts';
import type { Recorder } from '../history/recorder.ts';
import { computeBoard } from '../views/board.ts';
import { computeEvent, newest } from '../views/event.ts';
import { computePod } from '../views/pod.ts';
import { computeRequest } from '../views/request.ts';
import { computeService } from '../views/service.ts';
import { computeVerdict } from '../views/verdict.ts';
import type { Entries, EntryKind, EntryView, VerdictView } from '../views/view-types.ts';
import {
  computeCronJob,
  computeDaemonSet,
  computeDeployment,
  computeJob,
  computeReplicaSet,
  computeStatefulSet,
} from '../views/workload.ts';
import type { EntrySet } from './entry-set.ts';

export interface ClusterOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  recorder: Pick<Recorder, 'nodes' | 'sensors'>;
  history: History;
  /** The entry of that key may look another way now. */
  mark(key: string): void;
}

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Computes an entry from the rest of its key; undefined: there is none. */
type Compute = (key: string, nowMs: number) => EntryView | undefined;

export class Cluster implements Component {
  readonly #options: ClusterOptions;
  readonly #informers: (Component & { whenSynced(): Promise<void> })[] = [];
  readonly #pods: Informer<Pod>;
  readonly #events;
  readonly #slices;
  readonly #computes = new Map<string, Compute>();
  /** Keys of the events that are shown. */
  #shownEvents: ReadonlySet<string> = new Set();
  #eventsChanged = true;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { recorder, history } = options;
    this.#pods = this.#inform(PodKind, 'pod', (pod) => computePod(pod));
    this.#pods.addIndex('node', (pod) => (countsFor(pod) ? [pod.spec.nodeName ?? ''] : []));
    this.#pods.onChange((_, current, previous) => this.#markBoardsOf(current, previous));
    this.#slices = this.#inform(EndpointSliceKind, '', () => undefined);
    this.#slices.addIndex('service', ({ metadata }) => [serviceKeyOf(metadata)]);
    this.#slices.onChange((_, current, previous) => {
      const metadata = (current ?? previous)?.metadata;
      if (metadata !== undefined) options.mark(`service/${serviceKeyOf(metadata)}`);
    });
    this.#inform(ServiceKind, 'service', (service) =>
      computeService(service, this.#slices.byIndex('service', keyOf(service))),
    );
    this.#events = this.#inform(EventKind, 'event', (event) =>
      this.#shownEvents.has(keyOf(event)) ? computeEvent(event) : undefined,
    );
    this.#events.onChange(() => {
      this.#eventsChanged = true;
    });
    this.#inform(CertificateSigningRequestKind, 'request', computeRequest);
    this.#informWorkloads();
    this.#computes.set('board', (name) => {
      const node = recorder.nodes.get(name);
      if (node === undefined) return undefined;
      return computeBoard(node, recorder.sensors.get(name), this.#pods.byIndex('node', name).length);
    });
    this.#computes.set('trend', (name, nowMs) => history.trend(name, nowMs));
    this.#computes.set('uptime', (name, nowMs) => history.uptime(name, nowMs));
  }

  async start(): Promise<void> {
    await startAll(this.#informers);
    for (const { metadata } of this.#options.recorder.nodes.list()) this.markBoard(metadata.name);
  }

  async stop(): Promise<void> {
    await stopAll(this.#informers);
  }

  async whenSynced(): Promise<void> {
    const { nodes, sensors } = this.#options.recorder;
    await Promise.all([...this.#informers, nodes, sensors].map((informer) => informer.whenSynced()));
  }

  /** Node, reading or history of that board have changed. */
  markBoard(name: string): void {
    for (const kind of ['board', 'trend', 'uptime']) this.#options.mark(`${kind}/${name}`);
  }

  /** Before entries are computed: which events are among the newest. */
  prepare(): void {
    if (!this.#eventsChanged) return;
    this.#eventsChanged = false;
    const shown = new Set(newest(this.#events.list()).map(keyOf));
    for (const key of this.#shownEvents) if (!shown.has(key)) this.#options.mark(`event/${key}`);
    for (const key of shown) if (!this.#shownEvents.has(key)) this.#options.mark(`event/${key}`);
    this.#shownEvents = shown;
  }

  compute(key: string, nowMs: number): EntryView | undefined {
    const slash = key.indexOf('/', key.startsWith('workload/') ? 'workload/'.length : 0);
    return this.#computes.get(key.slice(0, slash))?.(key.slice(slash + 1), nowMs);
  }

  computeVerdict(entries: EntrySet): VerdictView {
    const all = <K extends EntryKind>(kind: K) => entries.views(`${kind}/`) as Iterable<Entries[K]>;
    return computeVerdict({
      boards: all('board'),
      workloads: all('workload'),
      pods: all('pod'),
      services: all('service'),
      requests: all('request'),
    });
  }

  #informWorkloads(): void {
    this.#inform(DeploymentKind, 'workload/Deployment', computeDeployment);
    this.#inform(ReplicaSetKind, 'workload/ReplicaSet', computeReplicaSet);
    this.#inform(StatefulSetKind, 'workload/StatefulSet', computeStatefulSet);
    this.#inform(DaemonSetKind, 'workload/DaemonSet', computeDaemonSet);
    this.#inform(JobKind, 'workload/Job', computeJob);
    this.#inform(CronJobKind, 'workload/CronJob', computeCronJob);
  }

  /** `prefix`: what the keys of its entries begin with; empty: it has none. */
  #inform<T extends KubernetesObject>(
    kind: KindRef<T>,
    prefix: string,
    compute: (object: T) => EntryView | undefined,
  ): Informer<T> {
    const informer = new Informer<T>({ ...this.#options, kind });
    this.#informers.push(informer);
    if (prefix === '') return informer;
    informer.onChange((key) => this.#options.mark(`${prefix}/${key}`));
    this.#computes.set(prefix, (key) => {
      const object = informer.get(key);
      return object === undefined ? undefined : compute(object);
    });
    return informer;
  }

  /** Boards show how many pods they have. */
  #markBoardsOf(current: Pod | undefined, previous: Pod | undefined): void {
    const nodes = [current, previous].map((pod) => (pod && countsFor(pod) ? pod.spec.nodeName : undefined));
    if (nodes[0] === nodes[1]) return;
    for (const node of nodes) if (node) this.#options.mark(`board/${node}`);
  }
}

function countsFor({ spec, status }: Pod): boolean {
  return Boolean(spec.nodeName) && status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

function serviceKeyOf({ namespace, labels }: { namespace?: string; labels?: Record<string, string> }): string {
  return `${namespace}/${labels?.[SERVICE_LABEL] ?? ''}`;
}
