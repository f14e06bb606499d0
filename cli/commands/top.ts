/** `bramble top`: what boards and pods use right now, with temperatures; from the samples of the agents. */
import type { JsonObject } from '../../shared/machinery/json.ts';
import { quantityToBytes, quantityToMillis } from '../../shared/machinery/quantity.ts';
import { sleep } from '../../shared/platform/clock.ts';
import { itemsOf, member, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { NamespaceOptions } from '../options.ts';
import { clean, renderColumns } from '../print/columns.ts';

export interface TopOptions extends NamespaceOptions {
  what: 'nodes' | 'pods';
  live?: boolean;
  json?: boolean;
  sortBy?: 'name' | 'cpu' | 'memory' | 'temperature';
}

const REFRESH_MS = 2_000;
const MEBIBYTE = 1024 * 1024;

interface Usage {
  namespace: string;
  name: string;
  cpuMillis: number;
  memoryBytes: number;
  /** Of what pods may use; boards only. */
  cpuPercent?: number;
  memoryPercent?: number;
  celsius?: number;
  throttleCelsius?: number;
  throttled?: boolean;
  underVoltage?: boolean;
}

export async function top(context: Context, options: TopOptions): Promise<void> {
  await withSession(context, options, async (session) => {
    for (;;) {
      const rows = sortUsage(await readUsage(session, options), options.sortBy);
      const text = options.json ? `${JSON.stringify({ items: rows })}\n` : renderUsage(rows, options);
      // Home, the rows, and nothing of what was below.
      context.stdout.write(
        options.live && context.stdout.isTerminal ? `\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[J` : text,
      );
      if (!options.live) return;
      await sleep(context.clock, REFRESH_MS, context.signal);
    }
  });
}

function readUsage(session: Session, options: TopOptions): Promise<Usage[]> {
  return options.what === 'nodes' ? readNodes(session) : readPods(session, options);
}

async function readNodes({ api }: Session): Promise<Usage[]> {
  const [nodes, sensors] = await Promise.all(
    ['/api/v1/nodes', '/apis/bramble.dev/v1/nodesensors'].map(async (path) => itemsOf(await api.object({ path }))),
  );
  return (nodes ?? []).map((node) => {
    const name = textOf(member(node, 'metadata')['name']);
    const reading = sensors?.find((each) => textOf(member(each, 'metadata')['name']) === name) ?? {};
    return describeNode(name, member(node, 'status', 'allocatable'), reading);
  });
}

function describeNode(name: string, allocatable: JsonObject, reading: JsonObject): Usage {
  const usage = readQuantities(member(reading, 'usage'));
  const whole = readQuantities(allocatable);
  const { temperatureCelsius, throttleCelsius, throttled, underVoltage } = reading;
  return {
    ...{ namespace: '', name, ...usage },
    ...(whole.cpuMillis > 0 && { cpuPercent: Math.round((100 * usage.cpuMillis) / whole.cpuMillis) }),
    ...(whole.memoryBytes > 0 && { memoryPercent: Math.round((100 * usage.memoryBytes) / whole.memoryBytes) }),
    ...(typeof temperatureCelsius === 'number' && { celsius: temperatureCelsius }),
    ...(typeof throttleCelsius === 'number' && { throttleCelsius }),
    ...(typeof throttled === 'boolean' && { throttled }),
    ...(typeof underVoltage === 'boolean' && { underVoltage }),
  };
}

async function readPods({ api, profile }: Session, { namespace, allNamespaces }: TopOptions): Promise<Usage[]> {
  const scope = allNamespaces ? '' : `/namespaces/${encodeURIComponent(namespace ?? profile.namespace)}`;
  const list = await api.object({ path: `/apis/metrics.k8s.io/v1beta1${scope}/pods` });
  return itemsOf(list).map((pod) => {
    const containers = Array.isArray(pod['containers']) ? pod['containers'] : [];
    const usages = containers.map((container) => readQuantities(member(container, 'usage')));
    const sum = (key: 'cpuMillis' | 'memoryBytes'): number => usages.reduce((total, usage) => total + usage[key], 0);
    const { name, namespace: own } = member(pod, 'metadata');
    return { namespace: textOf(own), name: textOf(name), cpuMillis: sum('cpuMillis'), memoryBytes: sum('memoryBytes') };
  });
}

function readQuantities({ cpu, memory }: JsonObject): { cpuMillis: number; memoryBytes: number } {
  return {
    cpuMillis: typeof cpu === 'string' ? quantityToMillis(cpu) : 0,
    memoryBytes: typeof memory === 'string' ? quantityToBytes(memory) : 0,
  };
}

function sortUsage(rows: readonly Usage[], by: TopOptions['sortBy']): Usage[] {
  const value = ({ cpuMillis, memoryBytes, celsius = 0 }: Usage): number =>
    by === 'cpu' ? cpuMillis : by === 'memory' ? memoryBytes : celsius;
  const byName = (left: Usage, right: Usage): number =>
    left.namespace + left.name < right.namespace + right.name ? -1 : 1;
  return [...rows].sort(
    (left, right) => (by === undefined || by === 'name' ? 0 : value(right) - value(left)) || byName(left, right),
  );
}

function renderUsage(rows: readonly Usage[], options: TopOptions): string {
  if (rows.length === 0) return 'No readings yet\n';
  return options.what === 'nodes' ? renderNodes(rows) : renderPods(rows, options.allNamespaces === true);
}

function renderNodes(rows: readonly Usage[]): string {
  const cells = rows.map((row) => [
    clean(row.name),
    `${row.cpuMillis}m`,
    row.cpuPercent === undefined ? '-' : `${row.cpuPercent}%`,
    `${Math.round(row.memoryBytes / MEBIBYTE)}Mi`,
    row.memoryPercent === undefined ? '-' : `${row.memoryPercent}%`,
    row.celsius === undefined ? '-' : `${row.celsius.toFixed(1)}°C`,
    row.throttleCelsius === undefined ? '-' : `${row.throttleCelsius}°C`,
    [row.throttled ? 'throttled' : '', row.underVoltage ? 'under-voltage' : ''].filter(Boolean).join(', ') || '-',
  ]);
  return renderColumns([['NAME', 'CPU', 'CPU%', 'MEMORY', 'MEMORY%', 'TEMPERATURE', 'LIMIT', 'TROUBLE'], ...cells]);
}

function renderPods(rows: readonly Usage[], withNamespace: boolean): string {
  const cells = rows.map((row) => [
    ...(withNamespace ? [clean(row.namespace)] : []),
    clean(row.name),
    `${row.cpuMillis}m`,
    `${Math.round(row.memoryBytes / MEBIBYTE)}Mi`,
  ]);
  return renderColumns([[...(withNamespace ? ['NAMESPACE'] : []), 'NAME', 'CPU', 'MEMORY'], ...cells]);
}
