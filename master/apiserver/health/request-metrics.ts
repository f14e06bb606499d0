/**
 * What the server counts of its requests, rendered as Prometheus text. Label values come from closed sets (verbs, served
 * resources, codes), so that a client cannot grow the tables.
 * Source: Kubernetes metrics reference, apiserver_request_total and apiserver_longrunning_requests.
 */
import type { RequestInfo } from '../request/request-info.ts';

export interface RequestOutcome {
  info: RequestInfo;
  /** The resource is in the catalog; others are counted together. */
  isServed: boolean;
  code: number;
  durationMs: number;
}

/** Upper bounds of the latency histogram, seconds. */
const BUCKETS_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 5, 30];

interface Histogram {
  counts: number[];
  sumSeconds: number;
  count: number;
}

export class RequestMetrics {
  readonly #totals = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();

  record({ info, isServed, code, durationMs }: RequestOutcome): void {
    const labels = labelsOf(info, isServed);
    const key = `${labels},code="${code}"`;
    this.#totals.set(key, (this.#totals.get(key) ?? 0) + 1);
    if (info.verb === 'watch') return;
    const histogram = this.#histogramOf(labels);
    observe(histogram, durationMs / 1000);
  }

  /** How often requests of these labels were answered; for tests and the status page. */
  total(labels: { verb: string; resource: string; code: number }): number {
    const wanted = [`verb="${labels.verb}"`, `,resource="${labels.resource}"`, `,code="${labels.code}"`];
    let sum = 0;
    for (const [key, value] of this.#totals) if (wanted.every((part) => key.includes(part))) sum += value;
    return sum;
  }

  render(): string {
    const lines = ['# TYPE apiserver_request_total counter'];
    for (const [labels, value] of this.#totals) lines.push(`apiserver_request_total{${labels}} ${value}`);
    lines.push('# TYPE apiserver_request_duration_seconds histogram');
    for (const [labels, histogram] of this.#durations) lines.push(...renderHistogram(labels, histogram));
    return `${lines.join('\n')}\n`;
  }

  #histogramOf(labels: string): Histogram {
    let histogram = this.#durations.get(labels);
    if (histogram === undefined) {
      histogram = { counts: BUCKETS_SECONDS.map(() => 0), sumSeconds: 0, count: 0 };
      this.#durations.set(labels, histogram);
    }
    return histogram;
  }
}

function labelsOf(info: RequestInfo, isServed: boolean): string {
  if (!info.isResource || !isServed) return `verb="${info.verb}",group="",version="",resource="",subresource=""`;
  const { verb, group, version, resource, subresource } = info;
  return `verb="${verb}",group="${group}",version="${version}",resource="${resource}",subresource="${subresource}"`;
}

function observe(histogram: Histogram, seconds: number): void {
  histogram.count += 1;
  histogram.sumSeconds += seconds;
  const index = BUCKETS_SECONDS.findIndex((bound) => seconds <= bound);
  if (index >= 0) histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
}

function renderHistogram(labels: string, histogram: Histogram): string[] {
  const name = 'apiserver_request_duration_seconds';
  let below = 0;
  const buckets = BUCKETS_SECONDS.map((bound, index) => {
    below += histogram.counts[index] ?? 0;
    return `${name}_bucket{${labels},le="${bound}"} ${below}`;
  });
  return [
    ...buckets,
    `${name}_bucket{${labels},le="+Inf"} ${histogram.count}`,
    `${name}_sum{${labels}} ${histogram.sumSeconds}`,
    `${name}_count{${labels}} ${histogram.count}`,
  ];
}
