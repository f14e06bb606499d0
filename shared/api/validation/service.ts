/** Checks of a Service: ports that can be told apart, an address that stays, fields that fit its type. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1123Label, validateDns1123Subdomain } from '../../machinery/names.ts';
import type { ServicePort, ServiceSpec } from '../service-spec.ts';
import { checkRange, checkUnique, forbiddenValue, invalidValue, requiredValue } from './field-error.ts';
import { checkLabels } from './labels.ts';
import { checkPortNumberOrName, MAX_PORT } from './probe.ts';
import { checkFamilies } from './service-families.ts';
import { checkIpAddress, checkRequiredText, checkText } from './text.ts';

/** What `clusterIP` says of a service that has no address of its own. */
export const HEADLESS = 'None';

/** A day: the longest time that a client can stay with its pod. */
const MAX_AFFINITY_SECONDS = 86_400;

export function checkService(spec: ServiceSpec, old?: ServiceSpec): FieldError[] {
  return [
    ...checkPorts(spec),
    ...checkLabels('spec.selector', spec.selector),
    ...checkAddress(spec, old),
    ...(spec.type === 'ExternalName'
      ? checkRequiredText('spec.externalName', spec.externalName, validateDns1123Subdomain)
      : []),
    ...(spec.externalIPs ?? []).flatMap((ip, index) => checkIpAddress(`spec.externalIPs[${index}]`, ip)),
    ...checkRange(
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
      spec.sessionAffinityConfig?.clientIP?.timeoutSeconds,
      1,
      MAX_AFFINITY_SECONDS,
    ),
    ...checkTraffic(spec),
  ];
}

function checkPorts(spec: ServiceSpec): FieldError[] {
  const ports = spec.ports ?? [];
  const needsNone = spec.type === 'ExternalName' || spec.clusterIP === HEADLESS;
  return [
    ...(ports.length === 0 && !needsNone ? [requiredValue('spec.ports')] : []),
    ...ports.flatMap((port, index) => checkPort(`spec.ports[${index}]`, port, spec)),
    ...checkUnique(
      ports,
      ({ name }) => name || undefined,
      (index) => `spec.ports[${index}].name`,
    ),
    ...checkUnique(
      ports,
      ({ port, protocol }) => `${port}/${protocol}`,
      (index) => `spec.ports[${index}]`,
    ),
    ...checkUnique(
      ports,
      ({ nodePort, protocol }) => (nodePort ? `${nodePort}/${protocol}` : undefined),
      (index) => `spec.ports[${index}].nodePort`,
    ),
  ];
}

function checkPort(field: string, port: ServicePort, { ports = [], type }: ServiceSpec): FieldError[] {
  const hasNodePorts = type === 'NodePort' || type === 'LoadBalancer';
  return [
    ...(ports.length > 1
      ? checkRequiredText(`${field}.name`, port.name, validateDns1123Label)
      : checkText(`${field}.name`, port.name || undefined, validateDns1123Label)),
    ...checkRange(`${field}.port`, port.port, 1, MAX_PORT),
    ...checkPortNumberOrName(`${field}.targetPort`, port.targetPort),
    ...checkRange(`${field}.nodePort`, port.nodePort || undefined, 1, MAX_PORT),
    ...(port.nodePort && !hasNodePorts
      ? [forbiddenValue(`${field}.nodePort`, `may not be used when \`type\` is '${type}'`)]
      : []),
  ];
}

function checkAddress(spec: ServiceSpec, old: ServiceSpec | undefined): FieldError[] {
  const { type, clusterIP = '', clusterIPs = [] } = spec;
  if (type === 'ExternalName') {
    return clusterIP === '' ? [] : [forbiddenValue('spec.clusterIPs', "may not be set when `type` is 'ExternalName'")];
  }
  if (clusterIP === HEADLESS && type !== 'ClusterIP') {
    return [invalidValue('spec.clusterIPs[0]', clusterIP, `may not be set to 'None' for ${type} services`)];
  }
  if (clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    return [invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`')];
  }
  const hadAddress = old !== undefined && old.type !== 'ExternalName' && Boolean(old.clusterIP);
  if (hadAddress && old.clusterIP !== clusterIP) {
    return [invalidValue('spec.clusterIPs[0]', clusterIPs, 'may not change once set')];
  }
  return checkFamilies({ ...spec, clusterIPs: clusterIPs.length > 0 ? clusterIPs : [clusterIP] }, old);
}

function checkTraffic(spec: ServiceSpec): FieldError[] {
  const reachesOutside = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || Boolean(spec.externalIPs?.length);
  const errors: FieldError[] = [];
  if (spec.externalTrafficPolicy !== undefined && !reachesOutside) {
    const why = 'may only be set for externally-accessible services';
    errors.push(invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, why));
  }
  for (const name of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) {
    if (spec[name] !== undefined && spec.type !== 'LoadBalancer') {
      errors.push(forbiddenValue(`spec.${name}`, "may only be used when `type` is 'LoadBalancer'"));
    }
  }
  return errors;
}
