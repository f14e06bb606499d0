/**
 * Alerts: looks at boards, pods and the master whenever something changes and now and then, and tells what begins to be wrong
 * and what is well again, as Events and to a webhook. Says at any time what is wrong now.
 */
import { X509Certificate } from 'node:crypto';
import { NodeKind } from '../../../shared/api/node.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { parseNodeRequest } from '../certificates/decision.ts';
import type { Environment, Informers } from '../informers.ts';
import { SyncedController } from '../synced-controller.ts';
import type { AddressPoster } from './address-poster.ts';
import type { Alert, AlertChange, AlertName, Patience } from './alert.ts';
import { AlertBook } from './alert-book.ts';
import { type CertificateEnd, computeSignals } from './compute-signals.ts';
import { AlertWebhook } from './webhook.ts';

export interface AlertSources {
  /** Certificates of the master itself. */
  certificates?(): readonly CertificateEnd[];
  /** Why the last snapshot failed; undefined: it did not. */
  snapshotProblem?(): string | undefined;
  /** Calls when the sources above say something new. */
  onChange?(listener: () => void): void;
  /** For tests that cannot wait for minutes. */
  patience?: Partial<Record<AlertName, Patience>>;
  /** Where alerts are posted to; nowhere unless given. */
  webhook?: { url: string; post: AddressPoster };
}

const CLUSTER = 'cluster';

/** What changes without an event: certificates get older. */
const LOOK_INTERVAL_MS = 60_000;

/** Readings come every few seconds from each board; one look serves many of them. */
const SETTLE_MS = 1_000;

export class AlertController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #sources: AlertSources;
  readonly #book: AlertBook;
  readonly #events: EventRecorder;
  readonly #webhook: AlertWebhook | undefined;
  readonly #controller: SyncedController;
  readonly #listeners = new Set<(change: AlertChange) => void>();
  /** Ends of certificates by the request's UID: parsed once. */
  readonly #ends = new Map<string, { node: string; endMs: number } | undefined>();

  constructor(environment: Environment, informers: Informers, sources: AlertSources = {}) {
    const { nodes, nodeSensors, pods, certificateSigningRequests } = informers;
    this.#environment = environment;
    this.#informers = informers;
    this.#sources = sources;
    this.#book = new AlertBook(sources.patience);
    this.#events = createEventRecorder({ ...environment, component: 'alerts' });
    this.#webhook = sources.webhook && new AlertWebhook({ ...environment, ...sources.webhook });
    this.#controller = new SyncedController({
      ...environment,
      name: 'alerts',
      informers: [nodes, nodeSensors, pods, certificateSigningRequests],
      reconcile: async () => this.#look(),
    });
    const lookSoon = (): void => this.#controller.enqueueAfter(CLUSTER, SETTLE_MS);
    for (const informer of [nodes, nodeSensors, certificateSigningRequests]) informer.onChange(lookSoon);
    sources.onChange?.(lookSoon);
    pods.onChange((_key, current, previous) => {
      if ([current, previous].some((pod) => pod?.status.containerStatuses?.some((one) => one.restartCount > 0)))
        lookSoon();
    });
  }

  /** What is wrong now. */
  firing(): readonly Alert[] {
    return this.#book.firing();
  }

  /** Hears of each alert that begins or ends. */
  onChange(listener: (change: AlertChange) => void): void {
    this.#listeners.add(listener);
  }

  async start(): Promise<void> {
    await this.#controller.start();
    this.#controller.enqueue(CLUSTER);
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#webhook?.stop();
    await this.#events.stop();
  }

  #look(): ReconcileResult {
    const { clock } = this.#environment;
    const { nodes, nodeSensors, pods } = this.#informers;
    const signals = computeSignals({
      ...{ nodes: nodes.list(), sensors: nodeSensors.list(), pods: pods.list() },
      certificates: [...this.#nodeCertificates(), ...(this.#sources.certificates?.() ?? [])],
      snapshotProblem: this.#sources.snapshotProblem?.(),
      nowMs: clock.nowMs(),
    });
    const monotonicMs = clock.monotonicMs();
    for (const change of this.#book.update(signals, { monotonicMs, wallMs: clock.nowMs() })) this.#tell(change);
    const turnMs = this.#book.nextTurnMs();
    const untilTurnMs = turnMs === undefined ? LOOK_INTERVAL_MS : Math.max(SETTLE_MS, turnMs - monotonicMs);
    return { requeueAfterMs: Math.min(LOOK_INTERVAL_MS, untilTurnMs) };
  }

  #tell(change: AlertChange): void {
    const { type, alert } = change;
    const { name, subject, message } = alert;
    const isFiring = type === 'firing';
    const text = isFiring ? message : `resolved: ${message}`;
    this.#events.event(subject, isFiring ? 'Warning' : 'Normal', `Alert${name}`, text);
    const fields = { alert: name, object: subject.metadata.name, message };
    this.#environment.logger[isFiring ? 'warn' : 'info'](isFiring ? 'an alert begins' : 'an alert is over', fields);
    this.#webhook?.tell(change);
    for (const listener of this.#listeners) listener(change);
  }

  /** The latest certificate of each node that there is. */
  #nodeCertificates(): CertificateEnd[] {
    const requests = this.#informers.certificateSigningRequests.list();
    const uids = new Set(requests.map(({ metadata }) => metadata.uid));
    for (const uid of this.#ends.keys()) if (!uids.has(uid)) this.#ends.delete(uid);
    const latest = new Map<string, number>();
    for (const request of requests) {
      const { certificate } = request.status;
      if (certificate === undefined) continue;
      const { uid } = request.metadata;
      if (!this.#ends.has(uid)) this.#ends.set(uid, readEnd(request, certificate));
      const end = this.#ends.get(uid);
      if (end !== undefined) latest.set(end.node, Math.max(end.endMs, latest.get(end.node) ?? 0));
    }
    return [...latest].flatMap(([name, endMs]) => {
      const node = this.#informers.nodes.get(name);
      return node === undefined
        ? []
        : [{ subject: subjectOf(NodeKind, node), what: 'the certificate of its agent', endMs }];
    });
  }
}

/** undefined: not that of a node. */
function readEnd(request: Parameters<typeof parseNodeRequest>[0], certificate: string) {
  try {
    const { nodeName } = parseNodeRequest(request);
    const { validToDate } = new X509Certificate(Buffer.from(certificate, 'base64'));
    return { node: nodeName, endMs: validToDate.getTime() };
  } catch {
    return undefined;
  }
}
