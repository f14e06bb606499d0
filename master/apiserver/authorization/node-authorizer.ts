/**
 * What a node may do: everything about itself and its pods, and nothing about its neighbours, so that a stolen SD card
 * opens no more than that board's own Secrets. What it writes is also looked at by the node restriction (admission).
 * Source: Kubernetes, "Using Node Authorization".
 */
import type { ImagePull } from '../../../shared/api/image-pull.ts';
import { REMOVE_VOLUME_LABEL } from '../../../shared/api/local-path-names.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { nodeOfImagePull } from '../../../shared/machinery/image-pull-name.ts';
import type { Selector } from '../../../shared/machinery/label-selector.ts';
import type { PodIndex } from '../storage/pod-index.ts';
import { nodeNameOf } from '../user-info.ts';
import type { AuthorizationAttributes, AuthorizedResource, Decision, PartialAuthorizer } from './authorizer.ts';
import { referencesOf } from './pod-references.ts';
import { requestedName, selectedValue } from './requested-name.ts';
import type { TlsSecretReader } from './tls-secret-reader.ts';

export const NODE_LEASE_NAMESPACE = 'kube-node-lease';

interface NodeQuestion extends AuthorizationAttributes {
  node: string;
  request: AuthorizedResource;
}

/** What the node was told to fetch. */
export type ImagePullReader = (node: string) => Promise<readonly ImagePull[]>;

/** What the answers depend on. */
export interface NodeFacts {
  pods: PodIndex;
  readPulls: ImagePullReader;
  /** Secrets that Ingresses name; none unless given. */
  readTlsSecrets?: TlsSecretReader;
  /** undefined: there is none of that name. */
  readVolume(name: string): Promise<PersistentVolume | undefined>;
}

type Rule = (question: NodeQuestion, facts: NodeFacts) => boolean | Promise<boolean>;

export function createNodeAuthorizer(facts: NodeFacts): PartialAuthorizer {
  return async (attributes): Promise<Decision | undefined> => {
    const node = nodeNameOf(attributes.user);
    const { request } = attributes;
    if (node === undefined || !request.isResource) return undefined;
    const target = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
    const rule = RULES[request.group === '' ? target : `${target}.${request.group}`];
    if (rule === undefined) return undefined;
    const allowed = await rule({ ...attributes, node, request }, facts);
    return allowed ? 'allow' : { deny: `no relationship found between node "${node}" and this object` };
  };
}

const isRead = ({ request }: NodeQuestion): boolean => ['get', 'list', 'watch'].includes(request.verb);

const WRITE_VERBS: readonly string[] = ['create', 'update', 'patch'];

/** Create has no name in its path: the node restriction looks at the object. */
const isOwnName: Rule = (question) => question.request.verb === 'create' || requestedName(question) === question.node;

/** Where the pods of the others are, every node has to know. */
const isNodeRequest: Rule = (question, facts) =>
  isRead(question) || (question.request.verb !== 'delete' && isOwnName(question, facts));

const isOwnNode: Rule = (question, facts) => question.request.verb !== 'delete' && isOwnName(question, facts);

const isOwnLease: Rule = (question, facts) =>
  question.request.namespace === NODE_LEASE_NAMESPACE && isOwnName(question, facts);

const isOwnPod: Rule = async ({ node, request }, { pods }) => pods.isPodOf(node, request.namespace, request.name);

const isPodRequest: Rule = async (question, facts) => {
  const { verb } = question.request;
  // Network policies are about labels and addresses of the pods of all nodes; Secrets are never part of a pod.
  if (verb === 'list' || verb === 'watch') return true;
  return (verb === 'get' || verb === 'delete') && isOwnPod(question, facts);
};

const isPodWrite: Rule = (question, facts) =>
  (isRead(question) || WRITE_VERBS.includes(question.request.verb)) && isOwnPod(question, facts);

/** Objects that one of the node's pods refers to, asked for by name. */
const isReferenced: Rule = async (question, { pods }) => {
  const { request, node } = question;
  const name = requestedName(question);
  if (name === undefined || !isRead(question)) return false;
  return (await pods.podsOf(node)).some((pod) => refersTo(pod, request.namespace, `${request.resource}/${name}`));
};

/** Of a pod, of an image that the master told the node to fetch ahead, or of an Ingress. */
const isReferencedSecret: Rule = async (question, facts) => {
  if (await isReferenced(question, facts)) return true;
  const { request, node } = question;
  const name = requestedName(question);
  if (name === undefined || !isRead(question)) return false;
  if (request.namespace !== '' && (await facts.readTlsSecrets?.(request.namespace))?.has(name)) return true;
  const secrets = (await facts.readPulls(node)).flatMap(({ spec }) => spec.pullSecrets ?? []);
  return secrets.some((secret) => secret.namespace === request.namespace && secret.name === name);
};

/** Its own are told by their names; what they say is looked at by the node restriction. */
const isOwnImagePull: Rule = (question) => {
  const { verb, name } = question.request;
  if (verb === 'list' || verb === 'watch') return selectedValue(question, 'spec.nodeName') === question.node;
  if (verb === 'create') return true;
  return verb !== 'delete' && nodeOfImagePull(name) === question.node;
};

const isTokenOfOwnPod: Rule = async ({ request, node }, { pods }) => {
  if (request.verb !== 'create') return false;
  const reference = `serviceaccounts/${request.name}`;
  return (await pods.podsOf(node)).some((pod) => refersTo(pod, request.namespace, reference));
};

function refersTo(pod: Pod, namespace: string, reference: string): boolean {
  const references: ReadonlySet<string> = referencesOf(pod);
  return pod.metadata.namespace === namespace && references.has(reference);
}

/** Volumes of claims that one of the node's pods refers to. */
const isVolumeOfOwnPod: Rule = async (question, { pods, readVolume }) => {
  const name = requestedName(question);
  if (name === undefined || !isRead(question)) return false;
  const claim = (await readVolume(name))?.spec.claimRef;
  if (claim === undefined) return false;
  const reference = `persistentvolumeclaims/${claim.name ?? ''}`;
  return (await pods.podsOf(question.node)).some((pod) => refersTo(pod, claim.namespace ?? '', reference));
};

/** Volumes whose directories the node shall remove: chosen by their label, changed one by one. */
const isRemovableVolume: Rule = async (question, { readVolume }) => {
  const { node, request, labelSelector } = question;
  const name = requestedName(question);
  if (name === undefined) return isRead(question) && requiresLabel(labelSelector, REMOVE_VOLUME_LABEL, node);
  if (!isRead(question) && request.verb !== 'update' && request.verb !== 'patch') return false;
  return (await readVolume(name))?.metadata.labels?.[REMOVE_VOLUME_LABEL] === node;
};

const isVolumeRequest: Rule = async (question, facts) =>
  (await isVolumeOfOwnPod(question, facts)) || isRemovableVolume(question, facts);

/** Nothing without this label and value is selected. */
function requiresLabel(selector: Selector | undefined, key: string, value: string): boolean {
  return (selector?.requirements ?? []).some(
    (one) => one.key === key && one.operator === 'In' && one.values.length === 1 && one.values[0] === value,
  );
}

const isEventWrite: Rule = ({ request }) => WRITE_VERBS.includes(request.verb);

const RULES: Readonly<Record<string, Rule>> = {
  nodes: isNodeRequest,
  'nodes/status': isOwnNode,
  pods: isPodRequest,
  'pods/status': isPodWrite,
  'pods/eviction': isPodWrite,
  configmaps: isReferenced,
  secrets: isReferencedSecret,
  serviceaccounts: isReferenced,
  persistentvolumeclaims: isReferenced,
  persistentvolumes: isVolumeRequest,
  'serviceaccounts/token': isTokenOfOwnPod,
  services: isRead,
  namespaces: isRead,
  'endpointslices.discovery.k8s.io': isRead,
  'ingresses.networking.k8s.io': isRead,
  'ingressclasses.networking.k8s.io': isRead,
  'networkpolicies.networking.k8s.io': isRead,
  events: isEventWrite,
  'events.events.k8s.io': isEventWrite,
  'leases.coordination.k8s.io': isOwnLease,
  'nodesensors.bramble.dev': isOwnName,
  'imagepulls.bramble.dev': isOwnImagePull,
  'imagepulls/status.bramble.dev': isOwnImagePull,
};
