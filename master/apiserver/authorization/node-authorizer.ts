/**
 * What a node may do: everything about itself and its pods, and nothing about its neighbours, so that a stolen SD card
 * opens no more than that board's own Secrets. What it writes is also looked at by the node restriction (admission).
 * Source: Kubernetes, "Using Node Authorization".
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodIndex } from '../storage/pod-index.ts';
import { nodeNameOf } from '../user-info.ts';
import type { AuthorizationAttributes, AuthorizedResource, Decision, PartialAuthorizer } from './authorizer.ts';
import { referencesOf } from './pod-references.ts';
import { requestedName, selectedValue } from './requested-name.ts';

export const NODE_LEASE_NAMESPACE = 'kube-node-lease';

interface NodeQuestion extends AuthorizationAttributes {
  node: string;
  request: AuthorizedResource;
}

type Rule = (question: NodeQuestion, pods: PodIndex) => boolean | Promise<boolean>;

export function createNodeAuthorizer(pods: PodIndex): PartialAuthorizer {
  return async (attributes): Promise<Decision | undefined> => {
    const node = nodeNameOf(attributes.user);
    const { request } = attributes;
    if (node === undefined || !request.isResource) return undefined;
    const target = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
    const rule = RULES[request.group === '' ? target : `${target}.${request.group}`];
    if (rule === undefined) return undefined;
    const allowed = await rule({ ...attributes, node, request }, pods);
    return allowed ? 'allow' : { deny: `no relationship found between node "${node}" and this object` };
  };
}

const isRead: Rule = ({ request }) => ['get', 'list', 'watch'].includes(request.verb);

const WRITE_VERBS: readonly string[] = ['create', 'update', 'patch'];

/** Create has no name in its path: the node restriction looks at the object. */
const isOwnName: Rule = (question) => question.request.verb === 'create' || requestedName(question) === question.node;

const isOwnNode: Rule = (question, pods) => question.request.verb !== 'delete' && isOwnName(question, pods);

const isOwnLease: Rule = (question, pods) =>
  question.request.namespace === NODE_LEASE_NAMESPACE && isOwnName(question, pods);

const isOwnPod: Rule = async ({ node, request }, pods) => pods.isPodOf(node, request.namespace, request.name);

const isPodRequest: Rule = async (question, pods) => {
  const { verb } = question.request;
  if (verb === 'list' || verb === 'watch') return selectedValue(question, 'spec.nodeName') === question.node;
  return (verb === 'get' || verb === 'delete') && isOwnPod(question, pods);
};

const isPodWrite: Rule = (question, pods) =>
  (isRead(question, pods) || WRITE_VERBS.includes(question.request.verb)) && isOwnPod(question, pods);

/** Objects that one of the node's pods refers to, asked for by name. */
const isReferenced: Rule = async (question, pods) => {
  const { request, node } = question;
  const name = requestedName(question);
  if (name === undefined || !(await isRead(question, pods))) return false;
  return (await pods.podsOf(node)).some((pod) => refersTo(pod, request.namespace, `${request.resource}/${name}`));
};

const isTokenOfOwnPod: Rule = async ({ request, node }, pods) => {
  if (request.verb !== 'create') return false;
  const reference = `serviceaccounts/${request.name}`;
  return (await pods.podsOf(node)).some((pod) => refersTo(pod, request.namespace, reference));
};

function refersTo(pod: Pod, namespace: string, reference: string): boolean {
  const references: ReadonlySet<string> = referencesOf(pod);
  return pod.metadata.namespace === namespace && references.has(reference);
}

const isEventWrite: Rule = ({ request }) => WRITE_VERBS.includes(request.verb);

const RULES: Readonly<Record<string, Rule>> = {
  nodes: isOwnNode,
  'nodes/status': isOwnNode,
  pods: isPodRequest,
  'pods/status': isPodWrite,
  'pods/eviction': isPodWrite,
  configmaps: isReferenced,
  secrets: isReferenced,
  serviceaccounts: isReferenced,
  persistentvolumeclaims: isReferenced,
  'serviceaccounts/token': isTokenOfOwnPod,
  services: isRead,
  namespaces: isRead,
  'endpointslices.discovery.k8s.io': isRead,
  events: isEventWrite,
  'events.events.k8s.io': isEventWrite,
  'leases.coordination.k8s.io': isOwnLease,
  'nodesensors.bramble.dev': isOwnName,
};
