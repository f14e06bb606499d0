/** `bramble logs`: what containers wrote, as bytes; of several pods at once line by line, each with its name. */
import type { JsonObject } from '../../shared/machinery/json.ts';
import { findPodNames, listPodNames } from '../api/pod-of.ts';
import { member, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, messageOf } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';

export interface LogsOptions extends NamespaceOptions {
  pod?: string;
  selector?: string;
  /** Of every pod of a deployment, and not of one. */
  allPods?: boolean;
  container?: string;
  allContainers?: boolean;
  follow?: boolean;
  previous?: boolean;
  tail?: number;
  since?: number;
  timestamps?: boolean;
}

interface Source {
  namespace: string;
  pod: string;
  container: string | undefined;
}

/** More streams at once than a person can read. */
const SOURCES_LIMIT = 50;

export async function logs(context: Context, options: LogsOptions): Promise<void> {
  await withSession(context, options, async (session) => {
    const sources = await findSources(session, options);
    if (sources.length > SOURCES_LIMIT) {
      throw new Failure(
        EXIT.usage,
        `these are ${sources.length} containers, ${SOURCES_LIMIT} can be read at once`,
        'narrow it with -l or -c',
      );
    }
    const [only] = sources;
    if (sources.length === 1 && only !== undefined && !options.json) {
      for await (const chunk of await open(session, only, options)) context.stdout.write(chunk);
      return;
    }
    // One that has no log yet must not hide the others.
    const results = await Promise.allSettled(
      sources.map((source, index) => printLines(context, session, { source, index, options })),
    );
    const failed = results.filter((result) => result.status === 'rejected');
    for (const { reason } of failed) context.stderr.write(`bramble: ${messageOf(reason)}\n`);
    if (failed.length === sources.length) throw new Failure(EXIT.failed, 'none of them has a log');
  });
}

async function findSources(session: Session, options: LogsOptions): Promise<Source[]> {
  const namespace = options.namespace ?? session.profile.namespace;
  const sources: Source[] = [];
  for (const pod of await choosePods(session, namespace, options)) {
    const containers = options.allContainers ? await readContainers(session, namespace, pod) : [options.container];
    sources.push(...containers.map((container) => ({ namespace, pod, container })));
  }
  return sources;
}

async function choosePods(
  session: Session,
  namespace: string,
  { pod, selector, allPods }: LogsOptions,
): Promise<string[]> {
  if (selector !== undefined) {
    const pods = await listPodNames(session, namespace, selector);
    if (pods.length === 0) throw new Failure(EXIT.failed, `no pods have the labels ${selector}`);
    return pods;
  }
  if (pod === undefined) throw new Failure(EXIT.usage, 'logs of which pod?', 'name it, or select with -l LABELS');
  const pods = await findPodNames(session, namespace, pod);
  return allPods ? pods : pods.slice(0, 1);
}

async function readContainers({ api }: Session, namespace: string, pod: string): Promise<string[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
  return containerNames(await api.object({ path }));
}

function containerNames(pod: JsonObject): string[] {
  const spec = member(pod, 'spec');
  return ['initContainers', 'containers'].flatMap((key) => {
    const list = spec[key];
    return Array.isArray(list) ? list.map((container) => textOf(container.name)) : [];
  });
}

function open(
  { api }: Session,
  { namespace, pod, container }: Source,
  options: LogsOptions,
): Promise<AsyncIterable<Uint8Array>> {
  return api.bytes({
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
    query: {
      container,
      follow: options.follow ? 'true' : undefined,
      previous: options.previous ? 'true' : undefined,
      timestamps: options.timestamps ? 'true' : undefined,
      tailLines: options.tail?.toString(),
      sinceSeconds: options.since === undefined ? undefined : String(Math.ceil(options.since / 1000)),
    },
  });
}

/** Six colours that can be read on dark and on light; pods take turns. */
const COLOURS = [36, 33, 32, 35, 34, 31];

async function printLines(
  context: Context,
  session: Session,
  { source, index, options }: { source: Source; index: number; options: LogsOptions },
): Promise<void> {
  const render = options.json ? (line: string) => renderJson(source, line) : createPrefixer(context, source, index);
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of await open(session, source, options)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) context.stdout.write(lines.map((line) => `${render(line)}\n`).join(''));
  }
  if (rest !== '') context.stdout.write(`${render(rest)}\n`);
}

function createPrefixer({ stdout }: Context, { pod, container }: Source, index: number): (line: string) => string {
  const name = container === undefined ? pod : `${pod}/${container}`;
  const colour = COLOURS[index % COLOURS.length] ?? 0;
  const prefix = stdout.isTerminal ? `\u001b[${colour}m${name}\u001b[0m ` : `${name} `;
  return (line) => `${prefix}${line}`;
}

function renderJson({ namespace, pod, container }: Source, line: string): string {
  return JSON.stringify({ namespace, pod, ...(container === undefined ? {} : { container }), line });
}
