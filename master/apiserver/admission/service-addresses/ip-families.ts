/**
 * Which address families a Service has: what its author said, what it had before, and what the cluster has. Source:
 * Kubernetes, "IPv4/IPv6 dual-stack", section on Services.
 */
import type { ServiceSpec } from '../../../../shared/api/service-spec.ts';
import { invalidValue } from '../../../../shared/api/validation/field-error.ts';
import { HEADLESS } from '../../../../shared/api/validation/service.ts';
import { checkFamilies } from '../../../../shared/api/validation/service-families.ts';
import type { FieldError } from '../../../../shared/machinery/errors.ts';
import { familyOf } from '../../../../shared/machinery/ip-range.ts';
import { jsonEqual } from '../../../../shared/machinery/json.ts';
import { type FamilyName, familyName } from './service-range.ts';

export interface FamilyInput {
  spec: ServiceSpec;
  /** Of the stored Service, where that has addresses. */
  old: ServiceSpec | undefined;
  /** The cluster's, the default first. */
  configured: readonly FamilyName[];
}

/** Completes `ipFamilies` and `ipFamilyPolicy` in place, and cuts what a step back to one family leaves. */
export function assignFamilies(input: FamilyInput): FieldError[] {
  const { spec, old } = input;
  if (old !== undefined) keepFamilies(spec, old);
  const errors = [...checkFamilies(spec, old), ...inferFamilies(input)];
  if (errors.length > 0) return errors;
  if (spec.clusterIPs?.[0] === HEADLESS && Object.keys(spec.selector ?? {}).length === 0) {
    completeSelectorless(input);
    return [];
  }
  const refused = checkConfigured(input);
  if (refused.length === 0) completeFamilies(input);
  return refused;
}

/** What a client leaves out stays; one family of a pair goes when only the policy says so. */
function keepFamilies(spec: ServiceSpec, old: ServiceSpec): void {
  const { clusterIPs = [], ipFamilies = [] } = old;
  if (old.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy ??= old.ipFamilyPolicy;
  if (!spec.ipFamilies?.length) spec.ipFamilies = [...ipFamilies];
  if (!spec.clusterIPs?.length && !spec.clusterIP) spec.clusterIPs = [...clusterIPs];
  if (spec.ipFamilyPolicy !== 'SingleStack' || old.ipFamilyPolicy === 'SingleStack') return;
  if (jsonEqual(spec.ipFamilies, ipFamilies)) spec.ipFamilies = spec.ipFamilies.slice(0, 1);
  if (jsonEqual(spec.clusterIPs, clusterIPs)) spec.clusterIPs = clusterIPs.slice(0, 1);
}

/** An address says its family. */
function inferFamilies({ spec, configured }: FamilyInput): FieldError[] {
  const families = [...(spec.ipFamilies ?? [])];
  const errors: FieldError[] = [];
  for (const [index, address] of (spec.clusterIPs ?? []).entries()) {
    const family = familyOf(address);
    if (index < families.length || family === undefined) continue;
    const name = familyName(family);
    if (configured.includes(name)) families.push(name);
    else
      errors.push(
        invalidValue(`spec.clusterIPs[${index}]`, spec.clusterIPs, `${name} is not configured on this cluster`),
      );
  }
  spec.ipFamilies = families;
  return errors;
}

/** Its endpoints are written by hand: they may be of a family that the cluster's own pods do not have. */
function completeSelectorless({ spec, configured }: FamilyInput): void {
  spec.ipFamilyPolicy ??= 'RequireDualStack';
  const [first = configured[0] ?? 'IPv4', ...rest] = spec.ipFamilies ?? [];
  const second = first === 'IPv4' ? 'IPv6' : 'IPv4';
  spec.ipFamilies = spec.ipFamilyPolicy === 'SingleStack' ? [first, ...rest] : [first, second];
}

function checkConfigured({ spec, configured }: FamilyInput): FieldError[] {
  const { ipFamilies = [], ipFamilyPolicy } = spec;
  const missing = ipFamilies.flatMap((family, index) =>
    configured.some((name) => name === family)
      ? []
      : [invalidValue(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster')],
  );
  if (ipFamilyPolicy !== 'RequireDualStack' || configured.length > 1) return missing;
  const why = 'this cluster is not configured for dual-stack services';
  return [...missing, invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy, why)];
}

function completeFamilies({ spec, configured }: FamilyInput): void {
  spec.ipFamilyPolicy ??= 'SingleStack';
  const families = spec.ipFamilies?.length ? spec.ipFamilies : configured.slice(0, 1);
  const others = configured.filter((name) => !families.includes(name));
  spec.ipFamilies = spec.ipFamilyPolicy === 'SingleStack' ? [...families] : [...families, ...others];
}
