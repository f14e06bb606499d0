/** The strategy of each kind: one table, so that what is special about a kind is found in one place. */
import { isJsonObject } from '../../../shared/machinery/json.ts';
import type { Strategy } from '../registry/strategy.ts';
import type { AnyKind } from '../storage/api-object.ts';
import { csrStrategy } from './certificate-signing-request.ts';
import { jobStrategy } from './job.ts';
import { namespaceStrategy } from './namespace.ts';
import { nodeStrategy } from './node.ts';
import { podStrategy } from './pod.ts';

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  '/Pod': podStrategy,
  '/Node': nodeStrategy,
  '/Namespace': namespaceStrategy,
  '/Service': { returnsDeleted: true, hasGeneration: false },
  '/ServiceAccount': { returnsDeleted: true },
  '/PersistentVolume': { returnsDeleted: true, hasGeneration: false },
  '/PersistentVolumeClaim': { returnsDeleted: true, hasGeneration: false },
  '/ResourceQuota': { returnsDeleted: true, hasGeneration: false },
  'networking.k8s.io/NetworkPolicy': { hasGeneration: true },
  'networking.k8s.io/IngressClass': { hasGeneration: true },
  'batch/Job': jobStrategy,
  'certificates.k8s.io/CertificateSigningRequest': csrStrategy,
};

const DEFAULT_STRATEGY: Strategy = {};

export function strategyOf(kind: AnyKind): Strategy {
  return STRATEGIES[`${kind.group}/${kind.kind}`] ?? DEFAULT_STRATEGY;
}

/** Kinds with a wanted and an observed state count the changes of the former, except where upstream does not. */
export function hasGeneration(kind: AnyKind): boolean {
  const { hasGeneration } = strategyOf(kind);
  return hasGeneration ?? (kind.subresources.status === true && hasField(kind, 'spec'));
}

function hasField(kind: AnyKind, field: string): boolean {
  const properties: unknown = Reflect.get(kind.schema, 'properties');
  return isJsonObject(properties) && Object.hasOwn(properties, field);
}
