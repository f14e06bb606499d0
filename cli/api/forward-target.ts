/** What a word and a port of `bramble port-forward` mean: a pod, and the number of a port of it. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { EXIT, Failure } from '../failure.ts';
import { findPodNames } from './pod-of.ts';
import { discoverResources, findResource, resourcePath } from './resources.ts';
import { member, textOf } from './select-objects.ts';
import type { Session } from './session.ts';

export interface ForwardTarget {
  pod: string;
  /** In the order of `remotes`. */
  ports: number[];
}

/** `remotes`: numbers or names of ports; of a service its own ports, which lead to those of its pods. */
export async function findForwardTarget(
  session: Session,
  { namespace, word, remotes }: { namespace: string; word: string; remotes: readonly string[] },
): Promise<ForwardTarget> {
  const service = await readService(session, namespace, word);
  const [name = ''] = await findPodNames(session, namespace, word);
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  const pod = await session.api.object({ path });
  const ports = remotes.map((remote) => {
    const wanted = service === undefined ? remote : targetPortOf(service, remote, word);
    return portOf(pod, wanted);
  });
  return { pod: name, ports };
}

async function readService({ api }: Session, namespace: string, word: string): Promise<JsonObject | undefined> {
  const [type = '', name] = word.split('/');
  if (name === undefined) return undefined;
  const resource = findResource(await discoverResources(api), type);
  if (resource.kind !== 'Service') return undefined;
  return api.object({ path: resourcePath(resource, namespace, name) });
}

/** `http`, or the number where it has none of its own. */
export function targetPortOf(service: JsonObject, remote: string, word: string): string {
  const ports = objectsOf(member(service, 'spec')['ports']);
  const found = ports.find(({ name, port }) => name === remote || String(port) === remote);
  if (found !== undefined) return String(found['targetPort'] ?? found['port']);
  const known = ports.map(({ port }) => String(port)).join(', ');
  throw new Failure(EXIT.usage, `${word} has no port ${remote}`, `it has ${known || 'none'}`);
}

/** A number is taken at its word: a program may listen on a port that its container does not tell. */
export function portOf(pod: JsonObject, wanted: string): number {
  if (/^\d+$/.test(wanted)) return Number(wanted);
  const containers = objectsOf(member(pod, 'spec')['containers']);
  const ports = containers.flatMap((container) => objectsOf(container['ports']));
  const found = ports.find(({ name }) => name === wanted)?.['containerPort'];
  if (typeof found === 'number') return found;
  throw new Failure(EXIT.usage, `pod ${textOf(member(pod, 'metadata')['name'])} has no port named ${wanted}`);
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
