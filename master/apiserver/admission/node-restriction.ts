/**
 * A node writes about itself only: its Node, its lease, its sensors, the status of its pods. The node authorizer has let
 * the request in by its path; here the object itself is looked at.
 * Source: Kubernetes, admission plugin NodeRestriction.
 */
import type { ImagePull } from '../../../shared/api/image-pull.ts';
import { LOCAL_PATH_FINALIZER, REMOVE_VOLUME_LABEL } from '../../../shared/api/local-path-names.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { forbidden } from '../../../shared/machinery/errors.ts';
import { nodeOfImagePull } from '../../../shared/machinery/image-pull-name.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { WriteCall } from '../registry/write-call.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import { nodeNameOf } from '../user-info.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';

export const nodeRestriction: AdmissionStep = (review) => {
  const node = nodeNameOf(review.call.user);
  if (node === undefined) return;
  const { call } = review;
  switch (`${call.kind.group}/${call.kind.kind}`) {
    case '/Node':
      restrictNode(node, review);
      break;
    case 'coordination.k8s.io/Lease':
    case 'bramble.dev/NodeSensors':
      restrictName(node, review);
      break;
    case 'bramble.dev/ImagePull':
      restrictImagePull(node, review);
      break;
    case '/Pod':
      restrictPod(node, review);
      break;
    case '/PersistentVolume':
      restrictVolume(node, review);
      break;
  }
};

function refuse(call: WriteCall, name: string, why: string): never {
  throw forbidden(call.kind, name, why);
}

function nameOf({ call, object, old }: AdmissionReview): string {
  return object?.metadata.name ?? old?.metadata.name ?? call.name;
}

function restrictName(node: string, review: AdmissionReview): void {
  const name = nameOf(review);
  if (name === node) return;
  refuse(review.call, name, `node ${JSON.stringify(node)} may only write the ${review.call.kind.kind} of its own name`);
}

/** A node asks for itself; which Secrets it may read follows from its pods and from the master, never from its own words. */
function restrictImagePull(node: string, review: AdmissionReview): void {
  const { call, operation, object, old } = review;
  const name = nameOf(review);
  if (object === undefined) refuse(call, name, `node ${JSON.stringify(node)} may not delete it`);
  const { spec } = asKind<ImagePull>(call.kind, object);
  if (operation === 'UPDATE' && !jsonEqual(spec, old?.['spec']))
    refuse(call, name, 'what was asked for does not change');
  if (operation !== 'CREATE') return;
  const isOwn = spec.nodeName === node && nodeOfImagePull(name) === node;
  if (!isOwn) refuse(call, name, `node ${JSON.stringify(node)} may only ask for itself`);
  if (spec.purpose !== 'Pod' || spec.pullSecrets !== undefined) refuse(call, name, 'only the master plans ahead');
}

/** A label or taint set by an administrator isolates nodes: a node may not free itself from it. */
function restrictNode(node: string, review: AdmissionReview): void {
  const { call, operation, object, old } = review;
  const name = nameOf(review);
  if (name !== node)
    refuse(call, name, `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`);
  if (operation === 'UPDATE' && !equalTaints(object, old)) {
    refuse(call, name, `node ${JSON.stringify(node)} is not allowed to modify taints`);
  }
  const changed = changedLabels(object, old).find((key) =>
    key.split('/')[0]?.endsWith('node-restriction.kubernetes.io'),
  );
  if (changed !== undefined) refuse(call, name, `is not allowed to modify labels: ${changed}`);
}

function equalTaints(object: ApiObject | undefined, old: ApiObject | undefined): boolean {
  return JSON.stringify(taintsOf(object)) === JSON.stringify(taintsOf(old));
}

function taintsOf(object: ApiObject | undefined): unknown {
  const spec = object?.['spec'];
  const taints: unknown = typeof spec === 'object' && spec !== null ? Reflect.get(spec, 'taints') : undefined;
  return taints ?? [];
}

function changedLabels(object: ApiObject | undefined, old: ApiObject | undefined): string[] {
  const after = object?.metadata.labels ?? {};
  const before = old?.metadata.labels ?? {};
  const keys = [...new Set([...Object.keys(after), ...Object.keys(before)])];
  return keys.filter((key) => after[key] !== before[key]);
}

function restrictPod(node: string, { call, operation, old }: AdmissionReview): void {
  if (operation === 'CREATE') refuse(call, call.name, `node ${JSON.stringify(node)} may not create pods`);
  const assigned = old === undefined ? undefined : asKind<Pod>(call.kind, old).spec.nodeName;
  if (assigned === node) return;
  const action = operation === 'DELETE' ? 'delete' : 'update status for';
  refuse(call, call.name, `node ${JSON.stringify(node)} can only ${action} pods with spec.nodeName set to itself`);
}

/** The agent says that the directory of a volume is removed, by taking its finalizer away, and nothing else. */
function restrictVolume(node: string, { call, operation, object, old }: AdmissionReview): void {
  const name = old?.metadata.name ?? call.name;
  const isMarked = old?.metadata.labels?.[REMOVE_VOLUME_LABEL] === node;
  const isRemoval = operation === 'UPDATE' && object !== undefined && old !== undefined && isMarked;
  if (isRemoval && jsonEqual(withoutFinalizer(object), withoutFinalizer(old))) return;
  refuse(call, name, `node ${JSON.stringify(node)} may only finish the removal of volumes that are marked for it`);
}

function withoutFinalizer({ metadata, ...rest }: ApiObject): object {
  const { finalizers = [], managedFields: _, ...kept } = metadata;
  return { ...rest, metadata: { ...kept, finalizers: finalizers.filter((one) => one !== LOCAL_PATH_FINALIZER) } };
}
