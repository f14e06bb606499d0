/** Checks of a Service's address families: at most one address of each, in the order in which the families stand. */
import type { FieldError } from '../../machinery/errors.ts';
import { familyOf } from '../../machinery/ip-range.ts';
import type { ServiceSpec } from '../service-spec.ts';
import { duplicateValue, invalidValue, unsupportedValue } from './field-error.ts';
import { checkIpAddress } from './text.ts';

const FAMILIES: readonly string[] = ['IPv4', 'IPv6'];
const NONE = 'None';

/** `old`: of a stored Service with addresses. */
export function checkFamilies(spec: ServiceSpec, old: ServiceSpec | undefined): FieldError[] {
  return [...checkFamilyNames(spec), ...checkClusterIps(spec), ...checkPolicy(spec), ...checkKept(spec, old)];
}

function checkFamilyNames({ ipFamilies = [] }: ServiceSpec): FieldError[] {
  return ipFamilies.flatMap((family, index) => {
    const field = `spec.ipFamilies[${index}]`;
    if (!FAMILIES.includes(family)) return [unsupportedValue(field, family, FAMILIES)];
    return ipFamilies.indexOf(family) < index ? [duplicateValue(field, family)] : [];
  });
}

function checkClusterIps({ clusterIPs = [], ipFamilies = [] }: ServiceSpec): FieldError[] {
  if (clusterIPs.length > FAMILIES.length) {
    return [invalidValue('spec.clusterIPs', clusterIPs, 'may only hold up to 2 values')];
  }
  if (clusterIPs.length > 1 && clusterIPs.includes(NONE)) {
    return [invalidValue('spec.clusterIPs', clusterIPs, "'None' must be the first and only value")];
  }
  if (clusterIPs[0] === NONE) return [];
  const families = clusterIPs.map(familyOf);
  if (families.length > 1 && families[0] !== undefined && families[0] === families[1]) {
    return [invalidValue('spec.clusterIPs', clusterIPs, 'may specify no more than one IP for each IP family')];
  }
  return clusterIPs.flatMap((ip, index) => {
    const wanted = ipFamilies[index];
    const family = families[index] === 6 ? 'IPv6' : 'IPv4';
    const field = `spec.clusterIPs[${index}]`;
    if (families[index] === undefined || wanted === undefined || family === wanted) return checkIpAddress(field, ip);
    return [invalidValue(field, ip, `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``)];
  });
}

function checkPolicy({ ipFamilyPolicy, ipFamilies = [], clusterIPs = [] }: ServiceSpec): FieldError[] {
  if (ipFamilyPolicy !== undefined && ipFamilyPolicy !== 'SingleStack') return [];
  const lists = { clusterIPs, ipFamilies };
  return Object.entries(lists).flatMap(([name, list]) => {
    const why = `must be RequireDualStack or PreferDualStack when multiple '${name}' are specified`;
    return list.length > 1 ? [invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy ?? null, why)] : [];
  });
}

/** The first family stays for good; the second may come and go, but not change. */
function checkKept({ ipFamilies = [], clusterIPs = [] }: ServiceSpec, old: ServiceSpec | undefined): FieldError[] {
  if (old === undefined) return [];
  const [family, secondIp] = [old.ipFamilies?.[0], old.clusterIPs?.[1]];
  const isMoved = family !== undefined && ipFamilies[0] !== undefined && ipFamilies[0] !== family;
  const isOther = secondIp !== undefined && clusterIPs[1] !== undefined && clusterIPs[1] !== secondIp;
  return [
    ...(isMoved ? [invalidValue('spec.ipFamilies[0]', ipFamilies[0], 'may not change once set')] : []),
    ...(isOther ? [invalidValue('spec.clusterIPs[1]', clusterIPs, 'may not change once set')] : []),
  ];
}
