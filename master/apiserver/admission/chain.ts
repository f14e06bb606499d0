/** The steps of admission in their order: first whether, then what is added, then what is allocated. */
import type { LimitRange } from '../../../shared/api/limit-range.ts';
import type { PriorityClass } from '../../../shared/api/priority-class.ts';
import type { ResourceQuota } from '../../../shared/api/resource-quota.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import type { ObjectReader } from '../storage/object-index.ts';
import type { AdmissionStep } from './admission.ts';
import { createCertificateApproval } from './certificate-approval.ts';
import { createEscalationCheck, type EscalationOptions } from './escalation.ts';
import { createImagePullSecrets, type ServiceAccountReader } from './image-pull-secrets.ts';
import { createLimitRanger } from './limit-ranger.ts';
import { createNamespaceLifecycle, type NamespaceReader } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { createPodDefaults } from './pod-defaults.ts';
import { createPodPriority } from './pod-priority.ts';
import type { QuotaLedger } from './quota/quota-ledger.ts';
import { createResourceQuotaAdmission } from './quota/resource-quota.ts';
import { createServiceAccountAdmission, type ServiceAccountOptions } from './service-account.ts';
import { createServiceAddresses } from './service-addresses/service-addresses.ts';
import type { ServiceAllocator } from './service-addresses/service-allocator.ts';
import { createStorageClaims } from './storage-claims.ts';

export interface AdmissionOptions {
  readNamespace: NamespaceReader | undefined;
  allocator: ServiceAllocator | undefined;
  readServiceAccount?: ServiceAccountReader;
  /** Pods need a service account, and get its token; absent where nobody makes tokens. */
  accounts?: ServiceAccountOptions;
  /** Who may hand out rights; absent where there are no roles. */
  escalation?: EscalationOptions;
  /** What is taken of quotas; absent where they are not enforced. */
  ledger?: QuotaLedger;
  /** What rules look up; absent where this server does not have the kind. */
  readers?: AdmissionReaders;
  tolerationSeconds?: number;
}

export interface AdmissionReaders {
  storageClasses?: ObjectReader<StorageClass> | undefined;
  limitRanges?: ObjectReader<LimitRange> | undefined;
  resourceQuotas?: ObjectReader<ResourceQuota> | undefined;
  priorityClasses?: ObjectReader<PriorityClass> | undefined;
}

export function createAdmissionChain(options: AdmissionOptions): AdmissionStep[] {
  const { readNamespace, allocator, readServiceAccount, accounts, readers = {}, ledger, tolerationSeconds } = options;
  return [
    ...(readNamespace ? [createNamespaceLifecycle(readNamespace)] : []),
    nodeRestriction,
    ...(options.escalation
      ? [createEscalationCheck(options.escalation), createCertificateApproval(options.escalation.authorize)]
      : []),
    createPodDefaults(tolerationSeconds),
    createPodPriority(readers.priorityClasses),
    ...(readers.limitRanges ? [createLimitRanger(readers.limitRanges)] : []),
    ...(accounts ? [createServiceAccountAdmission(accounts)] : []),
    ...(readServiceAccount ? [createImagePullSecrets(readServiceAccount)] : []),
    ...(readers.storageClasses ? [createStorageClaims(readers.storageClasses)] : []),
    // What these take is given back when something after them fails.
    ...(allocator ? [createServiceAddresses(allocator)] : []),
    ...(readers.resourceQuotas && ledger ? [createResourceQuotaAdmission(readers.resourceQuotas, ledger)] : []),
  ];
}
