/**
 * Names of OpenAPI components, as Kubernetes derives them from its Go packages: `io.k8s.api.core.v1.Pod`. Our own groups
 * get their domain in reverse: `dev.bramble.v1.NodeSensors`.
 */
import type { Format } from './fields.ts';

/** A package of components: `io.k8s.api.apps.v1`. */
export type ComponentPackage = string;

export const META_PACKAGE: ComponentPackage = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const CORE_PACKAGE: ComponentPackage = 'io.k8s.api.core.v1';

/** Shared by the kinds of all groups. */
const META_NAMES = new Set([
  'Condition',
  'DeleteOptions',
  'FieldSelectorRequirement',
  'LabelSelector',
  'LabelSelectorRequirement',
  'ListMeta',
  'ManagedFieldsEntry',
  'ObjectMeta',
  'OwnerReference',
  'Preconditions',
]);

/** Of the core group, and referred to by kinds of other groups; what these contain follows from it. */
const CORE_NAMES = new Set([
  'LocalObjectReference',
  'NodeSelector',
  'NodeSelectorTerm',
  'ObjectReference',
  'PersistentVolumeClaim',
  'PersistentVolumeClaimSpec',
  'PersistentVolumeSpec',
  'PodTemplateSpec',
  'Toleration',
  'TopologySelectorTerm',
  'TypedLocalObjectReference',
]);

/** Values that are more than their JSON type. */
export const FORMAT_COMPONENTS: Readonly<Partial<Record<Format, string>>> = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  'int-or-string': 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  time: `${META_PACKAGE}.Time`,
  'micro-time': `${META_PACKAGE}.MicroTime`,
  duration: `${META_PACKAGE}.Duration`,
  raw: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
};

/** The component of a special value; opaque JSON in metadata is always a field set. */
export function formatComponent(format: Format | undefined, parent: ComponentPackage): string | undefined {
  if (format === 'raw' && parent === META_PACKAGE) return `${META_PACKAGE}.FieldsV1`;
  return format === undefined ? undefined : FORMAT_COMPONENTS[format];
}

/** `io.k8s.api.core.v1` for the core group, `io.k8s.api.rbac.v1` for rbac.authorization.k8s.io, `dev.bramble.v1`. */
export function groupPackage(group: string, version: string): ComponentPackage {
  if (group === '') return `io.k8s.api.core.${version}`;
  if (group === 'meta.k8s.io') return META_PACKAGE;
  if (group === 'metrics.k8s.io') return `io.k8s.metrics.pkg.apis.metrics.${version}`;
  const labels = group.split('.');
  const isKubernetes = labels.length === 1 || group.endsWith('.k8s.io');
  return isKubernetes ? `io.k8s.api.${labels[0]}.${version}` : `${labels.toReversed().join('.')}.${version}`;
}

/** The package of a shared object: its own where it is a well-known one, otherwise that of what refers to it. */
export function objectPackage(name: string, referrer: ComponentPackage): ComponentPackage {
  if (META_NAMES.has(name)) return META_PACKAGE;
  return CORE_NAMES.has(name) ? CORE_PACKAGE : referrer;
}

export function componentRef(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}
