/**
 * ResourceQuotas: no object comes or grows beyond what its namespace may use, however many are written at once. Source:
 * Kubernetes, "Resource Quotas", admission plugin ResourceQuota.
 */
import type { Pod } from '../../../../shared/api/pod.ts';
import { missingAmounts } from '../../../../shared/api/quota/pod-usage.ts';
import { isCounted, isTakenBy, limitedNames, type Usage, type UsageSum } from '../../../../shared/api/quota/usage.ts';
import type { ResourceQuota } from '../../../../shared/api/resource-quota.ts';
import { forbidden, type StatusError } from '../../../../shared/machinery/errors.ts';
import {
  formatQuantity,
  parseQuantity,
  type Quantity,
  subtractQuantities,
} from '../../../../shared/machinery/quantity.ts';
import { type ApiObject, asKind } from '../../storage/api-object.ts';
import { storeKeyOf } from '../../storage/keys.ts';
import type { ObjectReader } from '../../storage/object-index.ts';
import type { AdmissionReview, AdmissionStep } from '../admission.ts';
import type { QuotaLedger } from './quota-ledger.ts';

/** Of other kinds, an object that is there takes what it will ever take. */
const GROWING: ReadonlySet<string> = new Set(['Service', 'PersistentVolumeClaim']);

/** Comes last, so that nothing after it fails for reasons of its own. */
export function createResourceQuotaAdmission(quotas: ObjectReader<ResourceQuota>, ledger: QuotaLedger): AdmissionStep {
  return async (review) => {
    const { call, object } = review;
    if (object === undefined || call.namespace === '' || !isQuestion(review)) return;
    const found = await quotas.list(call.namespace);
    const concerned = found.filter((quota) => concerns(quota, review)).sort(byName);
    if (concerned.length === 0) return;
    await ledger.whenReady(call.kind);
    takeFrom(concerned, review, object, ledger);
  };
}

function isQuestion({ operation, call }: AdmissionReview): boolean {
  const { kind, subresource } = call;
  if (operation === 'CREATE') return subresource === '' && kind.durability === undefined;
  if (operation !== 'UPDATE' || kind.group !== '') return false;
  return subresource === '' ? GROWING.has(kind.kind) : kind.kind === 'Pod' && subresource === 'resize';
}

function concerns(quota: ResourceQuota, { call, object }: AdmissionReview): boolean {
  if (object === undefined || !limitedNames(quota).some((name) => isTakenBy(call.kind, name))) return false;
  return isCounted(quota.spec, object);
}

/** Without a pause: between reading what is taken and taking, nobody else takes. */
function takeFrom(
  quotas: readonly ResourceQuota[],
  { call, old, onAbort }: AdmissionReview,
  object: ApiObject,
  ledger: QuotaLedger,
): void {
  const { kind, namespace } = call;
  const before = old && ledger.usageOf(kind, old);
  const usage = growthOf(ledger.usageOf(kind, object), before);
  for (const quota of quotas) {
    const names = limitedNames(quota).filter((name) => isTakenBy(kind, name));
    const why = missingIn(quota, object) ?? excessOf(quota, { usage, taken: ledger.taken(kind, quota, names), names });
    if (why !== undefined) throw refusal(call, object, why);
  }
  const { name } = object.metadata;
  const revision = old && { afterRevision: Number(old.metadata.resourceVersion) };
  onAbort(ledger.take(kind, { key: storeKeyOf(kind, { namespace, name }), namespace, object, usage, ...revision }));
}

/** What comes in addition; what shrinks is not asked about. */
function growthOf(next: Usage, before: Usage | undefined): Usage {
  if (before === undefined) return next;
  const grown = [...next].map(([name, amount]): [string, Quantity] => {
    const previous = before.get(name);
    return [name, previous === undefined ? amount : subtractQuantities(amount, previous)];
  });
  return new Map(grown.filter(([, { nanos }]) => nanos > 0n));
}

function missingIn(quota: ResourceQuota, object: ApiObject): string | undefined {
  if (object.kind !== 'Pod' || object.apiVersion !== 'v1') return undefined;
  const missing = missingAmounts(asKind<Pod>({ kind: 'Pod' }, object).spec, limitedNames(quota));
  return missing && `failed quota: ${quota.metadata.name}: ${missing}`;
}

interface Balance {
  usage: Usage;
  taken: UsageSum;
  names: readonly string[];
}

function excessOf(quota: ResourceQuota, { usage, taken, names }: Balance): string | undefined {
  const hard = (name: string): Quantity => parseQuantity(quota.spec.hard?.[name] ?? '0');
  const exceeded = names
    .filter((name) => {
      const wanted = usage.get(name)?.nanos ?? 0n;
      return wanted > 0n && wanted + taken.get(name).nanos > hard(name).nanos;
    })
    .sort();
  if (exceeded.length === 0) return undefined;
  const show = (amountOf: (name: string) => Quantity): string =>
    exceeded.map((name) => `${name}=${formatQuantity(amountOf(name))}`).join(',');
  const requested = show((name) => usage.get(name) ?? hard(name));
  const used = show((name) => taken.get(name));
  return `exceeded quota: ${quota.metadata.name}, requested: ${requested}, used: ${used}, limited: ${show(hard)}`;
}

function refusal({ kind }: AdmissionReview['call'], { metadata }: ApiObject, why: string): StatusError {
  return forbidden(kind, metadata.name ?? '', why);
}

function byName(a: ResourceQuota, b: ResourceQuota): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
