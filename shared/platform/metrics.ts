/**
 * Numbers for Prometheus: counters and histograms that are counted, gauges that are read when somebody asks. Invariant: a
 * metric has a bounded number of series; what comes after that is counted together under the label values `other`.
 * Source: Prometheus text exposition format 0.0.4. Own rather than prom-client, which costs a board 2 MB of heap.
 */
export type MetricType = 'counter' | 'gauge' | 'histogram';
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric that is read; `labels` in the order in which they are shown. */
export interface Sample {
  labels?: Labels;
  value: number;
}

/** Different label values of one metric. */
const MAX_SERIES = 2_000;

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export class MetricsRegistry {
  readonly #metrics = new Map<string, () => string[]>();

  /** Counts from zero at the start of the process. A name is given once. */
  counter(name: string, help: string): Counter {
    return this.#add(new Counter(), { name, help, type: 'counter' });
  }

  /** `bounds`: upper bounds of the buckets, rising. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    return this.#add(new Histogram(bounds), { name, help, type: 'histogram' });
  }

  /** Asked at each scrape; nothing is kept. */
  read(
    name: string,
    { help, type = 'gauge' }: { help: string; type?: MetricType },
    read: () => Iterable<Sample>,
  ): void {
    this.#metrics.set(name, () => renderRead(name, { help, type }, read()));
  }

  render(): string {
    const lines = [...this.#metrics.values()].flatMap((render) => render());
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  #add<T extends Counter | Histogram>(metric: T, { name, help, type }: MetricHead): T {
    if (this.#metrics.has(name)) throw new Error(`the metric ${name} is there already`);
    this.#metrics.set(name, () => [...renderHead({ name, help, type }), ...metric.renderSeries(name)]);
    return metric;
  }
}

interface MetricHead {
  name: string;
  help: string;
  type: MetricType;
}

export class Counter {
  readonly #values = new Map<string, number>();

  add(labels: Labels = {}, amount = 1): void {
    const key = keyOf(this.#values, labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  /** Sum over the series that have these label values. */
  total(labels: Labels = {}): number {
    const wanted = Object.entries(labels).map(([name, value]) => renderLabel(name, value));
    let sum = 0;
    for (const [key, value] of this.#values) if (wanted.every((part) => key.split(',').includes(part))) sum += value;
    return sum;
  }

  renderSeries(name: string): string[] {
    return [...this.#values].map(([labels, value]) => `${name}${braced(labels)} ${value}`);
  }
}

interface Distribution {
  counts: number[];
  sum: number;
  count: number;
}

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Distribution>();

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const key = keyOf(this.#series, labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { counts: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    series.count += 1;
    series.sum += value;
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index >= 0) series.counts[index] = (series.counts[index] ?? 0) + 1;
  }

  renderSeries(name: string): string[] {
    return [...this.#series].flatMap(([labels, series]) => {
      const comma = labels === '' ? '' : ',';
      let below = 0;
      const buckets = this.#bounds.map((bound, index) => {
        below += series.counts[index] ?? 0;
        return `${name}_bucket{${labels}${comma}le="${bound}"} ${below}`;
      });
      return [
        ...buckets,
        `${name}_bucket{${labels}${comma}le="+Inf"} ${series.count}`,
        `${name}_sum${braced(labels)} ${series.sum}`,
        `${name}_count${braced(labels)} ${series.count}`,
      ];
    });
  }
}

function keyOf(series: ReadonlyMap<string, unknown>, labels: Labels): string {
  const key = renderLabels(labels);
  if (series.size < MAX_SERIES || series.has(key)) return key;
  return renderLabels(Object.fromEntries(Object.keys(labels).map((name) => [name, 'other'])));
}

function renderRead(name: string, { help, type }: Omit<MetricHead, 'name'>, samples: Iterable<Sample>): string[] {
  const lines: string[] = [];
  for (const { labels = {}, value } of samples) {
    if (lines.length >= MAX_SERIES) break;
    lines.push(`${name}${braced(renderLabels(labels))} ${value}`);
  }
  return lines.length === 0 ? [] : [...renderHead({ name, help, type }), ...lines];
}

function renderHead({ name, help, type }: MetricHead): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function renderLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => renderLabel(name, value))
    .join(',');
}

function renderLabel(name: string, value: string): string {
  return `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}
