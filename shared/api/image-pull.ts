/**
 * ImagePull: a node needs an image, or shall fetch it ahead. The agent asks by it, the master's planner answers in
 * `status.plan` where to get it, and the agent tells how it goes. In memory only. Its name is `<hash of the image>.<node>`.
 */
import type { Static } from 'typebox';
import { formatBytes } from '../machinery/quantity.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import {
  bool,
  defaulted,
  int32,
  int64,
  list,
  object,
  oneOf,
  ref,
  required,
  str,
  strings,
  time,
} from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { SecretReferenceSchema } from './references.ts';

const ImagePullSpecSchema = object('ImagePullSpec', 'Which node needs which image', {
  nodeName: required(str(undefined, 'the node')),
  image: required(str(undefined, 'the image, as the pod names it')),
  purpose: defaulted(
    oneOf(undefined, ['Pod', 'Prepull'], 'whether a pod waits for it, or it is fetched ahead', { default: 'Pod' }),
  ),
  always: bool(undefined, 'the registry shall be asked anew what the name means now'),
  pullSecrets: list(undefined, SecretReferenceSchema, 'Secrets with registry credentials; only for Prepull'),
});

const ImagePeerSchema = object('ImagePeer', 'A node that has the image', {
  nodeName: required(str(undefined, 'the node')),
  address: required(str(undefined, 'where it can be asked')),
  port: required(int32(undefined, 'where it can be asked')),
});

const ImagePlanSchema = object('ImagePlan', 'Where the node gets the image', {
  source: required(oneOf(undefined, ['Registry', 'Peers', 'Wait'], 'Wait: another node fetches it right now')),
  peers: list(undefined, ImagePeerSchema, 'whom to ask, in this order'),
  waitsFor: str(undefined, 'the node that fetches it'),
  digest: str(undefined, 'what the registry says that the name means'),
  imageID: str(undefined, "digest of the image's configuration for this node: what a copy is checked by"),
  sizeBytes: int64(undefined, 'how large it is, roughly'),
  reason: str(undefined, 'what is wrong with the image, in one CamelCase word'),
  message: str(undefined, 'what is wrong with the image, for people'),
});

const ImagePullStatusSchema = object('ImagePullStatus', 'The plan, and how it goes', {
  phase: oneOf(undefined, ['Pending', 'Pulling', 'Succeeded', 'Failed'], 'how far it is; Pending unless said'),
  attempt: int32(undefined, 'counts what the node asks: the plan is the answer to this'),
  plan: ref(undefined, ImagePlanSchema, 'written by the master'),
  plannedAttempt: int32(undefined, 'the attempt that the plan answers'),
  failedPeers: strings(undefined, 'nodes from which the image could not be copied'),
  source: str(undefined, 'where it comes from: registry, or the name of a node'),
  imageID: str(undefined, 'what the node has now'),
  transferredBytes: int64(undefined, 'how much has come'),
  totalBytes: int64(undefined, 'how much there is to come'),
  startedAt: time(undefined, 'when the pull began'),
  finishedAt: time(undefined, 'when it ended'),
  message: str(undefined, 'why it failed'),
});

export const ImagePullSchema = object('ImagePull', 'A node needs an image', {
  apiVersion: defaulted(str(undefined, 'always bramble.dev/v1')),
  kind: defaulted(str(undefined, 'always ImagePull')),
  metadata: defaulted(ref(undefined, ObjectMetaSchema, '<hash of the image>.<node>', { default: {} })),
  spec: required(ref(undefined, ImagePullSpecSchema, 'which node needs which image')),
  status: defaulted(ref(undefined, ImagePullStatusSchema, 'the plan, and how it goes', { default: {} })),
});

export type ImagePull = Static<typeof ImagePullSchema>;
export type ImagePlan = Static<typeof ImagePlanSchema>;
export type ImagePeer = Static<typeof ImagePeerSchema>;
export type ImagePullStatus = Static<typeof ImagePullStatusSchema>;

export const ImagePullKind = defineKind<ImagePull>(KIND_NAMES.ImagePull, {
  schema: ImagePullSchema,
  durability: () => 'memory',
  subresources: { status: true },
  selectableFields: { 'spec.nodeName': ({ spec }) => spec.nodeName },
  columns: [
    nameColumn(),
    { name: 'Node', type: 'string', description: 'the node', value: ({ spec }) => spec.nodeName },
    { name: 'Image', type: 'string', description: 'the image', value: ({ spec }) => spec.image },
    { name: 'Phase', type: 'string', description: 'how far it is', value: phaseText },
    { name: 'Source', type: 'string', description: 'where it comes from', value: ({ status }) => status.source ?? '' },
    { name: 'Progress', type: 'string', description: 'how much has come', value: progressText },
    ageColumn(),
  ],
});

function phaseText({ status }: ImagePull): string {
  const { phase = 'Pending', plan } = status;
  return phase === 'Pending' && plan?.source === 'Wait' ? `Waiting for ${plan.waitsFor ?? 'another node'}` : phase;
}

function progressText({ status }: ImagePull): string {
  const { transferredBytes, totalBytes } = status;
  if (transferredBytes === undefined) return '';
  return `${formatBytes(transferredBytes)}${totalBytes === undefined ? '' : `/${formatBytes(totalBytes)}`}`;
}
