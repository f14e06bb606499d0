/**
 * What a node may do: everything about itself and its pods, and nothing about its neighbours, so that a stolen SD card
 * opens no more than that board's own Secrets. What it writes is also looked at by the node restriction (admission).
 * Source: Kubernetes, "Using Node Authorization".
 */
import type { ImagePull } from '../../../shared/api/image-pull.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { nodeOfImagePull } from '../../../shared/machinery/image-pull-name.ts';
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

/** What the node was told to fetch. */
export type ImagePullReader = (node: string) => Promise<readonly ImagePull[]>;

type Rule = (question: NodeQuestion, pods: PodIndex, readPulls: ImagePullReader) => boolean | Promise<boolean>;

export function createNodeAuthorizer(pods: PodIndex, readPulls: ImagePullReader = async () => []): PartialAuthorizer {
  return async (attributes): Promise<Decision | undefined> => {
    const node = nodeNameOf(attributes.user);
    const { request } = attributes;
    if (node === undefined || !request.isResource) return undefined;
    const target = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
    const rule = RULES[request.group === '' ? target : `${target}.${request.group}`];
    if (rule === undefined) return undefined;
    const allowed = await rule({ ...attributes, node, request }, pods, readPulls);
    return allowed ? 'allow' : { deny: `no relationship found between node "${node}" and this object` };
  };
}

const isRead = ({ request }: NodeQuestion): boolean => ['get', 'list', 'watch'].includes(request.verb);

const WRITE_VERBS: readonly string[] = ['create', 'update', 'patch'];

/** Create has no name in its path: the node restriction looks at the object. */
const isOwnName: Rule = (question) => question.request.verb === 'create' || requestedName(question) === question.node;

const isOwnNode: Rule = (question, ...context) => question.request.verb !== 'delete' && isOwnName(question, ...context);

const isOwnLease: Rule = (question, ...context) =>
  question.request.namespace === NODE_LEASE_NAMESPACE && isOwnName(question, ...context);

const isOwnPod: Rule = async ({ node, request }, pods) => pods.isPodOf(node, request.namespace, request.name);

const isPodRequest: Rule = async (question, ...context) => {
  const { verb } = question.request;
  if (verb === 'list' || verb === 'watch') return selectedValue(question, 'spec.nodeName') === question.node;
  return (verb === 'get' || verb === 'delete') && isOwnPod(question, ...context);
};

const isPodWrite: Rule = (question, ...context) =>
  (isRead(question) || WRITE_VERBS.includes(question.request.verb)) && isOwnPod(question, ...context);

/** Objects that one of the node's pods refers to, asked for by name. */
const isReferenced: Rule = async (question, pods) => {
  const { request, node } = question;
  const name = requestedName(question);
  if (name === undefined || !isRead(question)) return false;
  return (await pods.podsOf(node)).some((pod) => refersTo(pod, request.namespace, `${request.resource}/${name}`));
};

/** Of a pod, or of an image that the master told the node to fetch ahead. */
const isReferencedSecret: Rule = async (question, pods, readPulls) => {
  if (await isReferenced(question, pods, readPulls)) return true;
  const { request, node } = question;
  const name = requestedName(question);
  if (name === undefined || !isRead(question)) return false;
  const secrets = (await readPulls(node)).flatMap(({ spec }) => spec.pullSecrets ?? []);
  return secrets.some((secret) => secret.namespace === request.namespace && secret.name === name);
};

/** Its own are told by their names; what they say is looked at by the node restriction. */
const isOwnImagePull: Rule = (question) => {
  const { verb, name } = question.request;
  if (verb === 'list' || verb === 'watch') return selectedValue(question, 'spec.nodeName') === question.node;
  if (verb === 'create') return true;
  return verb !== 'delete' && nodeOfImagePull(name) === question.node;
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
  secrets: isReferencedSecret,
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
  'imagepulls.bramble.dev': isOwnImagePull,
  'imagepulls/status.bramble.dev': isOwnImagePull,
};
