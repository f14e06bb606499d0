/** `bramble explain-placement`: why a pod is where it is, or why nowhere, node by node. */
import type { Placement, PlacementNode } from '../../shared/api/placement.ts';
import { renderAge } from '../../shared/machinery/age.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { renderColumns } from '../print/columns.ts';

export interface ExplainPlacementOptions extends NamespaceOptions {
  pod: string;
  json?: boolean;
}

export async function explainPlacement(context: Context, options: ExplainPlacementOptions): Promise<void> {
  await withSession(context, options, async ({ api, profile }) => {
    const name = options.pod.replace(/^(pods?|po)\//, '');
    if (name === '' || name.includes('/')) throw new Failure(EXIT.usage, `"${options.pod}" is not the name of a pod`);
    const namespace = encodeURIComponent(options.namespace ?? profile.namespace);
    const path = `/apis/bramble.dev/v1/namespaces/${namespace}/placements/${encodeURIComponent(name)}`;
    const placement = await api.object({ path });
    if (options.json) context.stdout.write(`${JSON.stringify(placement, undefined, 2)}\n`);
    else context.stdout.write(renderPlacement(readPlacement(placement), context.clock.nowMs()));
  });
}

/** The edge: what a master of this version says. */
function readPlacement(value: JsonObject): Placement {
  if (value['kind'] !== 'Placement' || !Array.isArray(value['nodes']) || !isJsonObject(value['metadata'])) {
    throw new Failure(EXIT.failed, 'the master did not answer with a placement', 'is it of the same version?');
  }
  return value as object as Placement;
}

/** Text for people; lines end in a line feed. */
export function renderPlacement(placement: Placement, nowMs: number): string {
  const feasible = placement.nodes.filter((node) => node.feasible);
  const refused = placement.nodes.filter((node) => !node.feasible);
  const parts = [
    renderHeadline(placement, nowMs),
    ...(feasible.some(({ scores = [] }) => scores.length > 0) ? ['', ...renderScores(feasible)] : []),
    ...(refused.length > 0 ? ['', ...renderRefused(refused)] : []),
    ...(placement.nodesLeftOut > 0 && placement.nodes.length > 0
      ? ['', `${placement.nodesLeftOut} more nodes were not looked at.`]
      : []),
  ];
  return `${parts.join('\n')}\n`;
}

function renderHeadline(placement: Placement, nowMs: number): string {
  const { metadata, outcome, nodeName, nominatedNodeName, message, source } = placement;
  const when =
    source === 'Recorded'
      ? `Decided ${renderAge(metadata.creationTimestamp, nowMs)} ago`
      : 'As it would be decided now';
  const lines = [`Pod ${metadata.namespace}/${metadata.name} ${STATE[outcome]}${nodeName ? ` ${nodeName}` : ''}.`];
  if (nominatedNodeName) lines.push(`Room is being made for it on ${nominatedNodeName}.`);
  if (outcome === 'NotConsidered') return [...lines, sentence(message)].join('\n');
  return [...lines, sentence(`${when}: ${message}`)].join('\n');
}

const STATE: Readonly<Record<Placement['outcome'], string>> = {
  Placed: 'is on',
  Unschedulable: 'fits nowhere',
  Waiting: 'waits for its turn',
  NotConsidered: 'is not being placed',
};

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

/** A row a node, a column a plugin; plugins to which all nodes are the same are not there. */
function renderScores(nodes: readonly PlacementNode[]): string[] {
  const columns = new Map(
    nodes.flatMap(({ scores = [] }) => scores.map(({ plugin, weight }) => [plugin, `${plugin} ×${weight}`] as const)),
  );
  const rows = nodes.map(({ name, total = 0, scores = [] }) => [
    name,
    String(total),
    ...[...columns.keys()].map((plugin) => String(scores.find((one) => one.plugin === plugin)?.score ?? '-')),
  ]);
  return align([['NODE', 'TOTAL', ...columns.values()], ...rows]);
}

function renderRefused(nodes: readonly PlacementNode[]): string[] {
  const rows = nodes.map(({ name, plugin = '', reasons = [] }) => [name, plugin, reasons.join(', ')]);
  return align([['REFUSED', 'BY', 'BECAUSE'], ...rows]);
}

function align(rows: readonly (readonly string[])[]): string[] {
  return renderColumns(rows).trimEnd().split('\n');
}
