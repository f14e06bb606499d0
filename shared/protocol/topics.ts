/**
 * The topic tree. A session that authenticated as a node or a user may publish and subscribe only below its own branches;
 * the broker's topic rules are made of these functions, so that a topic is spelled in one place.
 *
 *     bramble/v1/api/<client id>/request      client → master   envelopes, see envelope.ts
 *     bramble/v1/api/<client id>/response     master → client
 *     bramble/v1/nodes/<node>/request         master → agent    logs, exec: the agent answers
 *     bramble/v1/nodes/<node>/response        agent → master
 *     bramble/v1/nodes/<node>/status          agent, retained, also its last will: {"online":true|false}
 *     bramble/v1/state/<what>/…               master, retained: what nodes, pods, deployments and alerts are like now
 *     bramble/v1/events/<namespace>           master: what happened
 *     bramble/v1/command/<what>/…             anybody with the rights → master: a short command, see docs/mqtt.md
 */
const ROOT = 'bramble/v1';

/** Everything below is ours: no rule for a house's own topics reaches into it unless it begins with this. */
export const OWN_PREFIX = 'bramble/';

export const topics = {
  apiRequest: (clientId: string) => `${ROOT}/api/${clientId}/request`,
  apiResponse: (clientId: string) => `${ROOT}/api/${clientId}/response`,
  nodeRequest: (node: string) => `${ROOT}/nodes/${node}/request`,
  nodeResponse: (node: string) => `${ROOT}/nodes/${node}/response`,
  nodeStatus: (node: string) => `${ROOT}/nodes/${node}/status`,
  nodeState: (node: string) => `${ROOT}/state/nodes/${node}`,
  podState: (namespace: string, pod: string) => `${ROOT}/state/pods/${namespace}/${pod}`,
  deploymentState: (namespace: string, name: string) => `${ROOT}/state/deployments/${namespace}/${name}`,
  alertState: (alert: string, about: string) => `${ROOT}/state/alerts/${alert}/${about}`,
  events: (namespace: string) => `${ROOT}/events/${namespace}`,
  nodeCommand: (node: string, verb: string) => `${ROOT}/command/nodes/${node}/${verb}`,
  deploymentCommand: (namespace: string, name: string, verb: string) =>
    `${ROOT}/command/deployments/${namespace}/${name}/${verb}`,
  /** Filters of the branches that many may read, or write. */
  allState: `${ROOT}/state/#`,
  allEvents: `${ROOT}/events/#`,
  allCommands: `${ROOT}/command/#`,
} as const;

/** Payload of `nodeStatus`. `session` tells an old session's late will from the present session. */
export interface NodeStatusMessage {
  online: boolean;
  session: string;
}

/** MQTT client id of a node's session; a user's client ids are free but may not start with `node-`. */
export function nodeClientId(node: string): string {
  return `node-${node}`;
}

/** Client ids of the command line: sessions of one command. */
export const CLI_CLIENT_PREFIX = 'cli-';

/** Splits `bramble/v1/<branch>/<owner>/<leaf>`; undefined for any other topic. */
export function parseTopic(topic: string): { branch: 'api' | 'nodes'; owner: string; leaf: string } | undefined {
  const match = /^bramble\/v1\/(api|nodes)\/([^/+#]+)\/([^/+#]+)$/.exec(topic);
  if (match === null) return undefined;
  const [, branch, owner = '', leaf = ''] = match;
  return { branch: branch === 'api' ? 'api' : 'nodes', owner, leaf };
}
