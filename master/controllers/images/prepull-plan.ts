/** Pure: which nodes shall fetch the images of a workload ahead, and what is left to do. */
import type { Deployment } from '../../../shared/api/deployment.ts';
import type { ImagePull } from '../../../shared/api/image-pull.ts';
import type { Node } from '../../../shared/api/node.ts';
import { imagePullName } from '../../../shared/machinery/image-pull-name.ts';
import { canonicalImage } from '../../../shared/machinery/image-reference.ts';
import {
  parseLabelSelector,
  SELECT_EVERYTHING,
  type Selector,
  selectorMatches,
} from '../../../shared/machinery/label-selector.ts';
import { nodeMeetsDemands } from '../../../shared/machinery/node-selector.ts';
import { findUntoleratedTaint } from '../../../shared/machinery/taints.ts';
import type { NodeFacts } from './node-images.ts';

/** `true`, or a label selector that the nodes must match as well. */
export const PREPULL_ANNOTATION = 'bramble.dev/prepull';

/** A fetch that failed is tried again after this. */
export const RETRY_MS = 5 * 60_000;

/** What a node has thrown away again is fetched again after this: it was thrown away for a reason. */
export const REFETCH_MS = 60 * 60_000;

/** undefined: nothing is to be fetched ahead. Throws SelectorError for a text that is no selector. */
export function readPrepull({ metadata }: Pick<Deployment, 'metadata'>): Selector | undefined {
  const text = metadata.annotations?.[PREPULL_ANNOTATION];
  if (text === undefined || text === '' || text === 'false' || metadata.deletionTimestamp !== undefined)
    return undefined;
  return text === 'true' ? SELECT_EVERYTHING : parseLabelSelector(text);
}

/** Nodes that could run the pods, as far as the template alone says it. */
export function findCandidates({ spec }: Deployment, selector: Selector, nodes: readonly Node[]): Node[] {
  const template = spec.template.spec;
  return nodes.filter(({ metadata, spec: node }) => {
    const identity = { name: metadata.name, labels: metadata.labels ?? {} };
    const untolerated = findUntoleratedTaint(node.taints ?? [], template.tolerations ?? [], [
      'NoSchedule',
      'NoExecute',
    ]);
    if (node.unschedulable || untolerated !== undefined) return false;
    return selectorMatches(selector, identity.labels) && nodeMeetsDemands(template, identity);
  });
}

/** As the template writes them, each once; those that are never pulled are left out. */
export function imagesOfTemplate({ spec }: Deployment): string[] {
  const { initContainers = [], containers = [] } = spec.template.spec;
  const pulled = [...initContainers, ...containers].filter(
    ({ image, imagePullPolicy }) => image && imagePullPolicy !== 'Never',
  );
  return [...new Set(pulled.map(({ image }) => image ?? ''))];
}

export interface PrepullInput {
  image: string;
  /** Candidates for which the image has a variant. */
  nodes: readonly NodeFacts[];
  findPull(name: string): { pull: ImagePull; heardAtMs: number } | undefined;
  nowMs: number;
}

export interface PrepullPlan {
  /** Nodes whose ImagePull is to be made. */
  create: readonly string[];
  /** Pulls to be tried again. */
  retry: readonly ImagePull[];
  /** Names of the nodes that have it. */
  done: readonly string[];
  failed: readonly ImagePull[];
  requeueAfterMs: number | undefined;
}

export function computePrepull({ image, nodes, findPull, nowMs }: PrepullInput): PrepullPlan {
  const canonical = canonicalImage(image);
  const create: string[] = [];
  const retry: ImagePull[] = [];
  const failed: ImagePull[] = [];
  const done = nodes.filter(({ images }) => images.has(canonical)).map(({ name }) => name);
  const missing = nodes.filter(
    ({ images, isReachable, isUnderDiskPressure }) => !images.has(canonical) && isReachable && !isUnderDiskPressure,
  );
  let waitMs: number | undefined;
  for (const { name } of missing) {
    const found = findPull(imagePullName(name, image, false));
    const restMs = found === undefined ? 0 : restOf(found, nowMs);
    if (found === undefined) create.push(name);
    else if (found.pull.spec.purpose !== 'Prepull' || restMs === undefined) continue;
    else if (restMs <= 0) retry.push(found.pull);
    else waitMs = Math.min(waitMs ?? restMs, restMs);
    if (found?.pull.status.phase === 'Failed') failed.push(found.pull);
  }
  return { create, retry, done, failed, requeueAfterMs: waitMs };
}

/** How long until a pull that is over is tried again; undefined: it is under way. */
function restOf({ pull, heardAtMs }: { pull: ImagePull; heardAtMs: number }, nowMs: number): number | undefined {
  const { phase } = pull.status;
  if (phase === 'Failed') return heardAtMs + RETRY_MS - nowMs;
  return phase === 'Succeeded' ? heardAtMs + REFETCH_MS - nowMs : undefined;
}
