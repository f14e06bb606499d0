/**
 * The provisioner `bramble.dev/local-path`: a volume is a directory on the node for which the scheduler has chosen the
 * claim's pod. The node's agent makes the directory when it first mounts it, and removes it when the volume is marked for
 * removal; its finalizer on the volume waits for that. docs/storage.md tells the whole protocol. Pure.
 */
import { storageClassOf } from '../../../shared/api/columns/storage.ts';
import {
  LOCAL_PATH_FINALIZER,
  LOCAL_PATH_PROVISIONER,
  PROVISIONED_BY_ANNOTATION,
  VOLUMES_DIRECTORY_ANNOTATION,
} from '../../../shared/api/local-path-names.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';

/** Where agents keep volumes unless their Node says otherwise. */
const DEFAULT_VOLUMES_DIRECTORY = '/var/lib/bramble/volumes';

const HOSTNAME_LABEL = 'kubernetes.io/hostname';

/** A directory is on one node: claims of several nodes cannot share it. */
const MODES: readonly string[] = ['ReadWriteOnce', 'ReadWriteOncePod'];

/** Why no directory can serve the claim; undefined: one can. */
export function localPathComplaint({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec.selector !== undefined) return 'claim.spec.selector is not supported';
  if (spec.volumeMode === 'Block') return 'only the volumeMode Filesystem is supported';
  if (spec.dataSource !== undefined || spec.dataSourceRef !== undefined) return 'data sources are not supported';
  const isOther = (spec.accessModes ?? []).some((mode) => !MODES.includes(mode));
  return isOther ? 'only the access modes ReadWriteOnce and ReadWriteOncePod are supported' : undefined;
}

/** The same claim makes the same volume: doing it twice is doing it once. */
export function renderLocalVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: Node,
): Draft<PersistentVolume> {
  const { namespace = '', name, uid, resourceVersion } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const hostname = node.metadata.labels?.[HOSTNAME_LABEL] ?? node.metadata.name;
  const directory = node.metadata.annotations?.[VOLUMES_DIRECTORY_ANNOTATION] ?? DEFAULT_VOLUMES_DIRECTORY;
  const requirement = { key: HOSTNAME_LABEL, operator: 'In' as const, values: [hostname] };
  return {
    metadata: {
      name: volumeName,
      annotations: { [PROVISIONED_BY_ANNOTATION]: LOCAL_PATH_PROVISIONER },
      finalizers: [LOCAL_PATH_FINALIZER],
    },
    spec: {
      capacity: { storage: claim.spec.resources.requests?.['storage'] ?? '0' },
      accessModes: claim.spec.accessModes ?? [],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy,
      storageClassName: storageClassOf(claim),
      volumeMode: 'Filesystem',
      ...(storageClass.mountOptions ? { mountOptions: storageClass.mountOptions } : {}),
      local: { path: `${directory}/${volumeName}` },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
      claimRef: {
        kind: PersistentVolumeClaimKind.kind,
        apiVersion: apiVersionOf(PersistentVolumeClaimKind),
        namespace,
        name,
        uid,
        resourceVersion,
      },
    },
  };
}

export function isLocalPathVolume({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[PROVISIONED_BY_ANNOTATION] === LOCAL_PATH_PROVISIONER;
}

/** The node's name by its hostname label, as the volume's affinity says. */
export function hostnameOf({ spec }: PersistentVolume): string | undefined {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const tests = terms.flatMap(({ matchExpressions = [] }) => matchExpressions);
  return tests.find(({ key }) => key === HOSTNAME_LABEL)?.values?.[0];
}

export function hasHostname({ metadata }: Node, hostname: string): boolean {
  return (metadata.labels?.[HOSTNAME_LABEL] ?? metadata.name) === hostname;
}
