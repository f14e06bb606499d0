/** `bramble logs`: the log of one container, as bytes. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import type { Api } from '../api/api.ts';
import { discoverResources, findResource, resourcePath } from '../api/resources.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';

export interface LogsOptions extends NamespaceOptions {
  pod: string;
  container?: string;
  follow?: boolean;
  previous?: boolean;
  tail?: number;
  since?: number;
  timestamps?: boolean;
}

export async function logs(context: Context, options: LogsOptions): Promise<void> {
  await withSession(context, options, async ({ api, profile }) => {
    const namespace = options.namespace ?? profile.namespace;
    const pod = await findPod(api, namespace, options.pod);
    const chunks = await api.bytes({
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
      query: renderQuery(options),
    });
    for await (const chunk of chunks) context.stdout.write(Buffer.from(chunk).toString('utf8'));
  });
}

function renderQuery(options: LogsOptions): Record<string, string | undefined> {
  return {
    container: options.container,
    follow: options.follow ? 'true' : undefined,
    previous: options.previous ? 'true' : undefined,
    timestamps: options.timestamps ? 'true' : undefined,
    tailLines: options.tail?.toString(),
    sinceSeconds: options.since === undefined ? undefined : String(Math.ceil(options.since / 1000)),
  };
}

/** `web-1` and `pod/web-1` are pods; of anything else with a selector, its first pod that runs. */
async function findPod(api: Api, namespace: string, word: string): Promise<string> {
  const [type = '', name] = word.split('/');
  if (name === undefined) return word;
  const resource = findResource(await discoverResources(api), type);
  if (resource.kind === 'Pod') return name;
  const owner = await api.object({ path: resourcePath(resource, namespace, name) });
  const list = await api.object({
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
    query: { labelSelector: renderSelector(owner, word) },
  });
  const pods = Array.isArray(list['items']) ? list['items'].filter(isJsonObject) : [];
  const pod = pods.find((each) => member(each, 'status')['phase'] === 'Running') ?? pods[0];
  if (pod === undefined) throw new Failure(EXIT.failed, `${word} has no pods`);
  return String(member(pod, 'metadata')['name']);
}

function renderSelector(owner: JsonObject, word: string): string {
  const selector = member(member(owner, 'spec'), 'selector');
  const labels = isJsonObject(selector['matchLabels']) ? selector['matchLabels'] : selector;
  const pairs = Object.entries(labels).filter(([, value]) => typeof value === 'string');
  if (pairs.length === 0) throw new Failure(EXIT.usage, `${word} selects no pods`);
  return pairs.map(([key, value]) => `${key}=${String(value)}`).join(',');
}

function member(object: JsonObject, name: string): JsonObject {
  return isJsonObject(object[name]) ? object[name] : {};
}
