/**
 * Which volume a claim could get, and on which nodes it can be used. Pure.
 * Source: Kubernetes, "Persistent Volumes": access modes, class, mode, selector and size; "Storage Classes": topologies.
 */
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { type NodeIdentity, nodeTermMatches } from '../../../shared/machinery/node-selector.ts';
import { quantityToBytes } from '../../../shared/machinery/quantity.ts';

/** The provisioner of classes whose volumes are made by hand. */
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** Names the node for which a volume is to be made. */
export const SELECTED_NODE_ANNOTATION = 'volume.kubernetes.io/selected-node';

export function isReachableFrom({ spec }: PersistentVolume, node: NodeIdentity): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || required.nodeSelectorTerms.some((term) => nodeTermMatches(term, node));
}

/** A volume is made for the claim once a node is chosen. */
export function canProvision({ provisioner, allowedTopologies = [] }: StorageClass, node: NodeIdentity): boolean {
  if (provisioner === NO_PROVISIONER) return false;
  const isAllowed = ({ matchLabelExpressions = [] }: (typeof allowedTopologies)[number]): boolean =>
    matchLabelExpressions.every(({ key, values }) => values.includes(node.labels[key] ?? ''));
  return allowedTopologies.length === 0 || allowedTopologies.some(isAllowed);
}

/** The smallest volume that serves the claim; of equal ones the first by name, so that the choice is the same each time. */
export function chooseVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  isFree: (volume: PersistentVolume) => boolean,
): PersistentVolume | undefined {
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    if (!servesClaim(volume, claim) || !isFree(volume)) continue;
    if (best === undefined || isBetter(volume, best)) best = volume;
  }
  return best;
}

export function servesClaim({ metadata, spec, status }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const wanted = claim.spec;
  if (metadata.deletionTimestamp !== undefined || status.phase === 'Failed' || status.phase === 'Released')
    return false;
  if ((spec.storageClassName ?? '') !== (wanted.storageClassName ?? '')) return false;
  if (spec.volumeMode !== wanted.volumeMode) return false;
  if (!(wanted.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))) return false;
  if (wanted.selector !== undefined) {
    if (!selectorMatches(selectorFromLabelSelector(wanted.selector), metadata.labels)) return false;
  }
  return bytesOf(spec.capacity) >= bytesOf(wanted.resources?.requests);
}

function isBetter(a: PersistentVolume, b: PersistentVolume): boolean {
  const [aBytes, bBytes] = [bytesOf(a.spec.capacity), bytesOf(b.spec.capacity)];
  return aBytes === bBytes ? a.metadata.name < b.metadata.name : aBytes < bBytes;
}

function bytesOf(quantities: Readonly<Record<string, string>> | undefined): number {
  return quantityToBytes(quantities?.['storage'] ?? '0');
}
