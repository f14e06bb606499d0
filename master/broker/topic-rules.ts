/**
 * Who may publish and subscribe what: pure functions over identity, client id and topic. Nobody but the master sees another
 * session's branch, so that an answer or a token cannot be read by others, and a node cannot speak for another one. What
 * is not the master's own (`bramble/…`, `$…`) belongs to the house: administrators, and users by the filters they were given.
 */
import { READ_EXTRA, WRITE_EXTRA } from '../../shared/protocol/mqtt-user.ts';
import { filterCovers, filterMatches, isValidFilter } from '../../shared/protocol/topic-filter.ts';
import { nodeClientId, OWN_PREFIX, parseTopic, topics } from '../../shared/protocol/topics.ts';
import type { SessionIdentity } from './sessions.ts';

export const NODE_USER_PREFIX = 'system:node:';
export const NODES_GROUP = 'system:nodes';
export const MASTERS_GROUP = 'system:masters';

/** Longest client id that is accepted; it becomes a level of topics. */
export const MAX_CLIENT_ID_CHARS = 256;

/** Branches of ours that more than one session may read. */
const SHARED_BRANCHES = [topics.allState, topics.allEvents] as const;

export type Identity = Pick<SessionIdentity, 'name' | 'groups'> & Partial<Pick<SessionIdentity, 'extra'>>;

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
  if (parts?.branch === 'api') return parts.owner === clientId && parts.leaf === 'request';
  if (parts !== undefined) {
    return parts.owner === nodeNameOf(identity) && (parts.leaf === 'response' || parts.leaf === 'status');
  }
  if (topic === '' || topic.startsWith('$')) return false;
  if (topic.startsWith(OWN_PREFIX) && !filterMatches(topics.allCommands, topic)) return false;
  return isMaster(identity) || ruleFor(identity, WRITE_EXTRA, topic, filterMatches);
}

/** A wildcard that reaches into branches of others is fine: what it may not see is held back, see `mayReceive`. */
export function maySubscribe(identity: Identity, clientId: string, filter: string): boolean {
  if (!isValidFilter(filter)) return false;
  if (filter.startsWith('$')) return filter.startsWith('$SYS/') && isMaster(identity);
  const parts = parseTopic(filter);
  if (parts?.branch === 'api') return parts.owner === clientId && parts.leaf === 'response';
  if (parts !== undefined) {
    return parts.owner === nodeNameOf(identity) && (parts.leaf === 'request' || parts.leaf === 'status');
  }
  if (isOwn(filter) && !SHARED_BRANCHES.some((branch) => filterCovers(branch, filter))) return false;
  return isMaster(identity) || ruleFor(identity, READ_EXTRA, filter, filterCovers);
}

/** Whether a message of this topic may reach a session that a filter of its own lets it through to. */
export function mayReceive(identity: Identity, clientId: string, topic: string): boolean {
  return !isOwn(topic) || maySubscribe(identity, clientId, topic);
}

/** `bramble` and everything below it. */
function isOwn(topic: string): boolean {
  return topic.startsWith(OWN_PREFIX) || `${topic}/` === OWN_PREFIX;
}

function isMaster(identity: Identity): boolean {
  return identity.groups.includes(MASTERS_GROUP);
}

/** A filter that begins with a wildcard never means what is ours: who shall see the cluster is given `bramble/…` by name. */
function ruleFor(
  { extra }: Identity,
  member: string,
  topic: string,
  fits: (rule: string, topic: string) => boolean,
): boolean {
  const own = isOwn(topic);
  return (extra?.[member] ?? []).some((rule) => (!own || isOwn(rule)) && fits(rule, topic));
}
