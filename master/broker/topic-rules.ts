/**
 * Who may publish and subscribe what: pure functions over identity, client id and topic. Nobody but the master sees another
 * session's branch, so that an answer or a token cannot be read by others, and a node cannot speak for another one.
 */
import { isValidFilter } from '../../shared/protocol/topic-filter.ts';
import { nodeClientId, parseTopic } from '../../shared/protocol/topics.ts';
import type { SessionIdentity } from './sessions.ts';

export const NODE_USER_PREFIX = 'system:node:';
export const NODES_GROUP = 'system:nodes';
export const MASTERS_GROUP = 'system:masters';

/** Longest client id that is accepted; it becomes a level of topics. */
export const MAX_CLIENT_ID_CHARS = 256;

type Identity = Pick<SessionIdentity, 'name' | 'groups'>;

/** Name of the node that the identity speaks for; undefined for everybody else. */
export function nodeNameOf(identity: Identity): string | undefined {
  const isNode = identity.groups.includes(NODES_GROUP) && identity.name.startsWith(NODE_USER_PREFIX);
  return isNode ? identity.name.slice(NODE_USER_PREFIX.length) : undefined;
}

/** `node-<name>` belongs to that node alone; a client id is also a level of topics, so it may hold none of their signs. */
export function mayUseClientId(identity: Identity, clientId: string): boolean {
  if (clientId === '' || clientId.length > MAX_CLIENT_ID_CHARS || /[/+#\0]/.test(clientId)) return false;
  const node = nodeNameOf(identity);
  return node === undefined ? !clientId.startsWith(nodeClientId('')) : clientId === nodeClientId(node);
}

export function mayPublish(identity: Identity, clientId: string, topic: string): boolean {
  const parts = parseTopic(topic);
  if (parts === undefined) return false;
  if (parts.branch === 'api') return parts.owner === clientId && parts.leaf === 'request';
  return parts.owner === nodeNameOf(identity) && (parts.leaf === 'response' || parts.leaf === 'status');
}

export function maySubscribe(identity: Identity, clientId: string, filter: string): boolean {
  if (!isValidFilter(filter)) return false;
  if (filter.startsWith('$SYS/')) return identity.groups.includes(MASTERS_GROUP);
  // Wildcards never parse: each session knows the few topics that are its own.
  const parts = parseTopic(filter);
  if (parts === undefined) return false;
  if (parts.branch === 'api') return parts.owner === clientId && parts.leaf === 'response';
  return parts.owner === nodeNameOf(identity) && (parts.leaf === 'request' || parts.leaf === 'status');
}
