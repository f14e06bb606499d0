/** Columns that volumes and claims share. Source: kubectl's output for them. */
import type { KubernetesObject } from '../../schema/object-meta.ts';

/** Before storageClassName there was this annotation; where it is set, it counts. */
export const STORAGE_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

const MODES: readonly (readonly [mode: string, short: string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

/** `RWO,ROX`, each once and always in this order. */
export function accessModesText(modes: readonly string[] | undefined): string {
  const present = MODES.filter(([mode]) => modes?.includes(mode));
  return present.map(([, short]) => short).join(',');
}

/** The class of a volume or claim; empty for none. */
export function storageClassOf({ metadata, spec }: KubernetesObject & { spec: { storageClassName?: string } }): string {
  return metadata.annotations?.[STORAGE_CLASS_ANNOTATION] ?? spec.storageClassName ?? '';
}
