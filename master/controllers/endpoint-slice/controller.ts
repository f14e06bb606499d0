/**
 * The EndpointSlice controller: says behind each service which pods are there and how they are. Changes of pods are
 * gathered for a moment, so that a roll-out writes a slice once and not once a pod.
 */
import { EndpointSliceKind, MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from '../../../shared/api/endpoint-slice.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Service } from '../../../shared/api/service.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { keyOf, parseKey } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { selectorFromLabels, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { BY_LABEL, BY_NODE, BY_SERVICE, type Environment, type Informers, labelIn } from '../informers.ts';
import { isPodReady } from '../pod-state.ts';
import { thisObject, unlessGone } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeEndpointGroups, zoneOf } from './endpoints.ts';
import { CONTROLLER_NAME, computeSliceChanges, type SliceChanges } from './plan.ts';
import { SliceTracker } from './slice-tracker.ts';

const CONCURRENCY = 5;

/** Changes of pods within this time become one write a slice. */
const GATHER_MS = 20;

/** Services by each label pair that they select by. */
const BY_SELECTOR = 'selector';

export class EndpointSliceController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #tracker: SliceTracker;
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers) {
    const { services, pods, endpointSlices, nodes } = informers;
    this.#environment = environment;
    this.#informers = informers;
    this.#tracker = new SliceTracker(environment.clock, (key) => endpointSlices.get(key));
    this.#controller = new SyncedController({
      ...environment,
      name: 'endpoint-slice',
      concurrency: CONCURRENCY,
      informers: [services, pods, endpointSlices, nodes],
      reconcile: (key) => this.#reconcile(key),
    });
    services.addIndex(BY_SELECTOR, ({ metadata: { namespace = '' }, spec: { selector = {} } }) =>
      Object.entries(selector)
        .slice(0, 1)
        .map(([key, value]) => labelIn(namespace, key, value)),
    );
    services.onChange((key) => this.#controller.enqueue(key));
    pods.onChange((_key, current, previous) => this.#onPod(current, previous));
    nodes.onChange((name, current, previous) => {
      if (previous !== undefined && zoneOf(current) === zoneOf(previous)) return;
      for (const pod of pods.byIndex(BY_NODE, name)) this.#onPod(pod, undefined);
    });
    endpointSlices.onChange((_key, current, previous) => {
      const { namespace, labels = {} } = (current ?? previous)?.metadata ?? {};
      const service = labels[SERVICE_NAME_LABEL];
      if (service && labels[MANAGED_BY_LABEL] === CONTROLLER_NAME) this.#controller.enqueue(`${namespace}/${service}`);
    });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  #onPod(current: Pod | undefined, previous: Pod | undefined): void {
    if (current !== undefined && previous !== undefined && isSameEndpoint(current, previous)) return;
    for (const pod of [current, previous]) {
      for (const service of pod === undefined ? [] : this.#servicesOf(pod)) {
        this.#controller.enqueueAfter(keyOf(service), GATHER_MS);
      }
    }
  }

  #servicesOf({ metadata: { namespace = '', labels = {} } }: Pod): Service[] {
    return Object.entries(labels)
      .flatMap(([key, value]) => this.#informers.services.byIndex(BY_SELECTOR, labelIn(namespace, key, value)))
      .filter(({ spec }) => selectorMatches(selectorFromLabels(spec.selector ?? {}), labels));
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { services, endpointSlices, nodes } = this.#informers;
    const service = services.get(key);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined || !hasSelector(service)) {
      // The slices of a service that is gone are collected with it; without a selector they are the user's.
      this.#tracker.forget(key);
      return {};
    }
    const lagMs = this.#tracker.lagMs(key);
    if (lagMs > 0) return { requeueAfterMs: lagMs };
    const groups = computeEndpointGroups({
      service,
      pods: this.#podsOf(service),
      nodeOf: (name) => nodes.get(name),
    });
    const existing = endpointSlices.byIndex(BY_SERVICE, key).filter(({ metadata }) => {
      return metadata.labels?.[MANAGED_BY_LABEL] === CONTROLLER_NAME && metadata.deletionTimestamp === undefined;
    });
    await this.#execute(key, computeSliceChanges({ service, existing, groups }));
    return {};
  }

  /** In the order of their names: the same pods make the same slices. */
  #podsOf({ metadata: { namespace = '' }, spec: { selector = {} } }: Service): Pod[] {
    const [first] = Object.entries(selector);
    if (first === undefined) return [];
    const candidates = this.#informers.pods.byIndex(BY_LABEL, labelIn(namespace, ...first));
    const wanted = selectorFromLabels(selector);
    return candidates
      .filter(({ metadata }) => selectorMatches(wanted, metadata.labels))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** New endpoints before old ones go. */
  async #execute(service: string, { creates, updates, deletes }: SliceChanges): Promise<void> {
    const { client } = this.#environment;
    for (const draft of creates) {
      const created = await unlessForbidden(client.create(EndpointSliceKind, draft));
      if (created !== undefined) this.#tracker.noteWritten(service, created);
    }
    for (const slice of updates) {
      this.#tracker.noteWritten(service, await client.update(EndpointSliceKind, slice));
    }
    for (const slice of deletes) {
      await unlessGone(client.delete(EndpointSliceKind, parseKey(keyOf(slice)), thisObject(slice.metadata)));
      this.#tracker.noteDeleted(service, slice);
    }
  }
}

function hasSelector({ spec }: Service): boolean {
  return Object.keys(spec.selector ?? {}).length > 0;
}

/** What a slice says of a pod; most changes of a pod are none of it. */
function isSameEndpoint(current: Pod, previous: Pod): boolean {
  return jsonEqual(endpointFacts(current), endpointFacts(previous));
}

function endpointFacts(pod: Pod): unknown[] {
  const { metadata, spec, status } = pod;
  const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed';
  const isGoing = metadata.deletionTimestamp !== undefined;
  return [
    metadata.uid,
    metadata.labels,
    spec.nodeName,
    status.podIP,
    status.podIPs,
    hasEnded,
    isGoing,
    isPodReady(pod),
  ];
}

/** A namespace on its way out takes no new objects, and needs none. */
async function unlessForbidden<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isStatusError(error, 'Forbidden') || isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}
