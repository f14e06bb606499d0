/** Which pods a word means: a pod, or those that something with a selector has. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { EXIT, Failure } from '../failure.ts';
import { discoverResources, findResource, resourcePath } from './resources.ts';
import { itemsOf, member, textOf } from './select-objects.ts';
import type { Session } from './session.ts';

/** Pods that run come first. Throws a Failure when there are none; a pod's own name is not looked up. */
export async function findPodNames(session: Session, namespace: string, word: string): Promise<string[]> {
  const [type = '', name] = word.split('/');
  if (name === undefined) return [type];
  const resource = findResource(await discoverResources(session.api), type);
  if (resource.kind === 'Pod') return [name];
  const owner = await session.api.object({ path: resourcePath(resource, namespace, name) });
  const pods = await listPodNames(session, namespace, renderSelector(owner, word));
  if (pods.length === 0) throw new Failure(EXIT.failed, `${word} has no pods`);
  return pods;
}

export async function listPodNames(session: Session, namespace: string, labelSelector: string): Promise<string[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const pods = itemsOf(await session.api.object({ path, query: { labelSelector } }));
  const runs = (pod: JsonObject): number => (member(pod, 'status')['phase'] === 'Running' ? 0 : 1);
  return pods.sort((left, right) => runs(left) - runs(right)).map((pod) => textOf(member(pod, 'metadata')['name']));
}

function renderSelector(owner: JsonObject, word: string): string {
  const selector = member(owner, 'spec', 'selector');
  const labels = isJsonObject(selector['matchLabels']) ? selector['matchLabels'] : selector;
  const pairs = Object.entries(labels).filter(([, value]) => typeof value === 'string');
  if (pairs.length === 0) throw new Failure(EXIT.usage, `${word} selects no pods`);
  return pairs.map(([key, value]) => `${key}=${textOf(value)}`).join(',');
}
