/** What of a quota is used right now. Pure, but for the reader of objects that it is given. */

import type { Pod } from '../../../shared/api/pod.ts';
import { graceEndMs } from '../../../shared/api/quota/pod-usage.ts';
import {
  type CountedKind,
  isCounted,
  isTakenBy,
  limitedNames,
  UsageSum,
  usageOf,
} from '../../../shared/api/quota/usage.ts';
import type { ResourceQuota, ResourceQuotaStatus } from '../../../shared/api/resource-quota.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';

export interface QuotaView<Kind extends CountedKind = CountedKind> {
  kinds: readonly Kind[];
  /** Objects of the kind in the quota's namespace. */
  objectsOf(kind: Kind): readonly KubernetesObject[];
  nowMs: number;
}

export interface QuotaUsage {
  status: ResourceQuotaStatus;
  /** When a pod on its way out stops counting; undefined: nothing changes by itself. */
  lookAgainMs: number | undefined;
}

export function computeQuotaUsage<Kind extends CountedKind>(quota: ResourceQuota, view: QuotaView<Kind>): QuotaUsage {
  const names = limitedNames(quota);
  const sum = new UsageSum(names);
  let lookAgainMs: number | undefined;
  for (const kind of view.kinds.filter((kind) => names.some((name) => isTakenBy(kind, name)))) {
    for (const object of view.objectsOf(kind)) {
      if (!isCounted(quota.spec, object)) continue;
      sum.add(usageOf(kind, object, view.nowMs));
      const leftMs = isPod(object) ? (graceEndMs(object) ?? 0) - view.nowMs : 0;
      if (leftMs > 0) lookAgainMs = Math.min(leftMs + 1, lookAgainMs ?? Number.POSITIVE_INFINITY);
    }
  }
  return { status: { hard: { ...quota.spec.hard }, used: sum.toQuantities() }, lookAgainMs };
}

function isPod(object: KubernetesObject): object is Pod {
  return object.kind === 'Pod' && object.apiVersion === 'v1';
}
