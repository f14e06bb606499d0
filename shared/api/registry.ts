/** Every kind that the API server stores, and every body that it reads without storing it. */
import type { TSchema } from 'typebox';
import type { Kind } from '../schema/define-kind.ts';
import { SelfSubjectReviewSchema, TokenRequestSchema } from './authentication.ts';
import { SelfSubjectAccessReviewSchema, SelfSubjectRulesReviewSchema } from './authorization.ts';
import { BindingSchema, EvictionSchema, ScaleSchema } from './binding.ts';
import { CertificateSigningRequestKind } from './certificate-signing-request.ts';
import { ClusterRoleKind } from './cluster-role.ts';
import { ClusterRoleBindingKind } from './cluster-role-binding.ts';
import { ConfigMapKind } from './config-map.ts';
import { ControllerRevisionKind } from './controller-revision.ts';
import { CronJobKind } from './cron-job.ts';
import { DaemonSetKind } from './daemon-set.ts';
import { DeleteOptionsSchema } from './delete-options.ts';
import { DeploymentKind } from './deployment.ts';
import { EndpointSliceKind } from './endpoint-slice.ts';
import { EventKind } from './event.ts';
import { HorizontalPodAutoscalerKind } from './horizontal-pod-autoscaler.ts';
import { ImageInfoKind } from './image-info.ts';
import { ImagePullKind } from './image-pull.ts';
import { IngressKind } from './ingress.ts';
import { IngressClassKind } from './ingress-class.ts';
import { JobKind } from './job.ts';
import { LeaseKind } from './lease.ts';
import { LimitRangeKind } from './limit-range.ts';
import { NamespaceKind } from './namespace.ts';
import { NetworkPolicyKind } from './network-policy.ts';
import { NodeKind } from './node.ts';
import { NodeSensorsKind } from './node-sensors.ts';
import { PersistentVolumeKind } from './persistent-volume.ts';
import { PersistentVolumeClaimKind } from './persistent-volume-claim.ts';
import { PodKind } from './pod.ts';
import { PodDisruptionBudgetKind } from './pod-disruption-budget.ts';
import { PriorityClassKind } from './priority-class.ts';
import { ReplicaSetKind } from './replica-set.ts';
import { ResourceQuotaKind } from './resource-quota.ts';
import { RoleKind } from './role.ts';
import { RoleBindingKind } from './role-binding.ts';
import { SecretKind } from './secret.ts';
import { ServiceKind } from './service.ts';
import { ServiceAccountKind } from './service-account.ts';
import { StatefulSetKind } from './stateful-set.ts';
import { StorageClassKind } from './storage-class.ts';

export const ALL_KINDS: readonly Kind[] = [
  NamespaceKind,
  NodeKind,
  PodKind,
  ConfigMapKind,
  SecretKind,
  ServiceAccountKind,
  ServiceKind,
  EventKind,
  LeaseKind,
  DeploymentKind,
  ReplicaSetKind,
  StatefulSetKind,
  DaemonSetKind,
  ControllerRevisionKind,
  JobKind,
  CronJobKind,
  CertificateSigningRequestKind,
  PersistentVolumeKind,
  PersistentVolumeClaimKind,
  StorageClassKind,
  EndpointSliceKind,
  PodDisruptionBudgetKind,
  HorizontalPodAutoscalerKind,
  ResourceQuotaKind,
  LimitRangeKind,
  PriorityClassKind,
  RoleKind,
  ClusterRoleKind,
  RoleBindingKind,
  ClusterRoleBindingKind,
  IngressKind,
  IngressClassKind,
  NetworkPolicyKind,
  NodeSensorsKind,
  ImageInfoKind,
  ImagePullKind,
];

/** A body that is read and answered, never stored. */
export interface RequestSchema {
  group: string;
  version: string;
  kind: string;
  schema: TSchema;
}

export const REQUEST_SCHEMAS: readonly RequestSchema[] = [
  { group: '', version: 'v1', kind: 'Binding', schema: BindingSchema },
  { group: 'policy', version: 'v1', kind: 'Eviction', schema: EvictionSchema },
  { group: 'autoscaling', version: 'v1', kind: 'Scale', schema: ScaleSchema },
  { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', schema: TokenRequestSchema },
  { group: 'authentication.k8s.io', version: 'v1', kind: 'SelfSubjectReview', schema: SelfSubjectReviewSchema },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectAccessReview',
    schema: SelfSubjectAccessReviewSchema,
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    schema: SelfSubjectRulesReviewSchema,
  },
  { group: 'meta.k8s.io', version: 'v1', kind: 'DeleteOptions', schema: DeleteOptionsSchema },
];

/**
 * The schema of a body by what its `apiVersion` and `kind` say; undefined for an unknown one. Clients write DeleteOptions in
 * the group and version of the resource that they delete (`apps/v1`), so it is found in every group.
 */
export function findSchema(group: string, version: string, kind: string): TSchema | undefined {
  if (kind === 'DeleteOptions') return DeleteOptionsSchema;
  const matches = (entry: { group: string; version: string; kind: string }): boolean =>
    entry.kind === kind && entry.group === group && entry.version === version;
  return (ALL_KINDS.find(matches) ?? REQUEST_SCHEMAS.find(matches))?.schema;
}
