/**
 * Counters of requests, under the names that dashboards for Kubernetes know. Labels come from the catalog's bounded sets, so
 * that no client can grow the tables.
 * Source: Kubernetes metrics reference, apiserver_request_total, _duration_seconds and apiserver_current_inflight_requests.
 */
import type { Counter, Histogram, MetricsRegistry } from '../../../shared/platform/metrics.ts';
import type { RequestInfo, Verb } from '../request/request-info.ts';

export interface RequestOutcome {
  info: RequestInfo;
  /** The resource is in the catalog; others are counted together. */
  isServed: boolean;
  code: number;
  durationMs: number;
}

/** Upper bounds of the latency histogram, seconds. */
const BUCKETS_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 5, 30];

/** Kubernetes' words in metrics. */
const METRIC_VERBS: Readonly<Record<Verb, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};

/** Streams that a person holds open: how long says nothing about the server. */
const CONNECT_SUBRESOURCES: readonly string[] = ['attach', 'exec', 'log', 'portforward', 'proxy'];

const METHODS: readonly string[] = ['get', 'post', 'put', 'patch', 'delete'];

export class RequestMetrics {
  readonly #totals: Counter;
  readonly #durations: Histogram;
  readonly #inFlight = { readOnly: 0, mutating: 0 };

  constructor(registry: MetricsRegistry) {
    this.#totals = registry.counter('apiserver_request_total', 'Requests that were answered');
    this.#durations = registry.histogram(
      'apiserver_request_duration_seconds',
      'How long answers took to begin; watches, logs and connections left out',
      BUCKETS_SECONDS,
    );
    registry.read('apiserver_current_inflight_requests', { help: 'Requests that are being answered' }, () =>
      Object.entries(this.#inFlight).map(([kind, value]) => ({ labels: { request_kind: kind }, value })),
    );
  }

  /** The returned function says that the request is answered. */
  begin({ verb }: RequestInfo): () => void {
    const kind = verb === 'get' || verb === 'list' || verb === 'watch' ? 'readOnly' : 'mutating';
    this.#inFlight[kind] += 1;
    return () => {
      this.#inFlight[kind] -= 1;
    };
  }

  record({ info, isServed, code, durationMs }: RequestOutcome): void {
    const labels = labelsOf(info, isServed);
    this.#totals.add({ ...labels, code: String(code) });
    if (labels.verb === 'WATCH' || labels.verb === 'CONNECT') return;
    this.#durations.observe(labels, durationMs / 1000);
  }

  /** How often requests of these labels were answered; for tests and the status page. */
  total({ verb, resource, code }: { verb: Verb; resource: string; code: number }): number {
    return this.#totals.total({ verb: METRIC_VERBS[verb], resource, code: String(code) });
  }
}

function labelsOf(info: RequestInfo, isServed: boolean) {
  if (!info.isResource || !isServed) {
    const verb = METHODS.includes(info.verb) ? info.verb.toUpperCase() : 'OTHER';
    return { verb, group: '', version: '', resource: '', subresource: '', scope: '' };
  }
  const { group, version, resource, subresource, name, namespace } = info;
  const verb = CONNECT_SUBRESOURCES.includes(subresource) ? 'CONNECT' : METRIC_VERBS[info.verb];
  const scope = name !== '' ? 'resource' : namespace !== '' ? 'namespace' : 'cluster';
  return { verb, group, version, resource, subresource, scope };
}
