/** Gives Services their cluster addresses and node ports, and keeps those they have. Source: Kubernetes, "Service". */
import type { Service } from '../../../../shared/api/service.ts';
import type { ServicePort, ServiceSpec } from '../../../../shared/api/service-spec.ts';
import { invalidValue } from '../../../../shared/api/validation/field-error.ts';
import { HEADLESS } from '../../../../shared/api/validation/service.ts';
import { type FieldError, internalError, invalid, type StatusError } from '../../../../shared/machinery/errors.ts';
import { type AnyKind, asKind } from '../../storage/api-object.ts';
import { storeKeyOf } from '../../storage/keys.ts';
import type { AdmissionReview, AdmissionStep } from '../admission.ts';
import { assignFamilies } from './ip-families.ts';
import { NODE_PORTS, type OnAbort, type ServiceAllocator, type TakeFailure } from './service-allocator.ts';
import type { FamilyName } from './service-range.ts';

interface Work {
  spec: ServiceSpec;
  old: ServiceSpec | undefined;
  /** Store key of the Service: who owns what is taken. */
  key: string;
  allocator: ServiceAllocator;
  onAbort: OnAbort;
  refuse(...errors: FieldError[]): StatusError;
}

export function createServiceAddresses(allocator: ServiceAllocator): AdmissionStep {
  return ({ operation, call, object, old, onAbort }: AdmissionReview) => {
    const { kind, namespace, subresource } = call;
    if (kind.group !== '' || kind.kind !== 'Service' || subresource !== '' || object === undefined) return;
    if (operation === 'DELETE') return;
    const service = asKind<Service>(kind, object);
    const { name } = service.metadata;
    const work: Work = {
      spec: service.spec,
      old: old === undefined ? undefined : asKind<Service>(kind, old).spec,
      key: storeKeyOf(kind, { namespace, name }),
      allocator,
      onAbort,
      refuse: (...errors) => invalid(kindName(kind), name, errors),
    };
    assignAddresses(work);
    assignPorts(work);
  };
}

function kindName({ group, kind }: AnyKind): { group: string; kind: string } {
  return { group, kind };
}

function assignAddresses(work: Work): void {
  const { spec, allocator, refuse } = work;
  if (spec.type === 'ExternalName') {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) delete spec[field];
    return;
  }
  const old = hasAddresses(work.old) ? work.old : undefined;
  if (old !== undefined) checkKept(work, old);
  const errors = assignFamilies({ spec, old, configured: allocator.families });
  if (errors.length > 0) throw refuse(...errors);
  if (spec.clusterIP === HEADLESS || spec.clusterIPs?.[0] === HEADLESS) spec.clusterIPs = [HEADLESS];
  else spec.clusterIPs = (spec.ipFamilies ?? []).map((family, index) => assignAddress(work, old, { family, index }));
  spec.clusterIP = spec.clusterIPs[0] ?? '';
}

function hasAddresses(spec: ServiceSpec | undefined): boolean {
  return spec !== undefined && spec.type !== 'ExternalName' && Boolean(spec.clusterIP);
}

/** An address is a Service's own for as long as it lives, because clients remember it. */
function checkKept({ spec, refuse }: Work, { clusterIP }: ServiceSpec): void {
  const wanted = spec.clusterIP || clusterIP;
  if (wanted !== clusterIP) throw refuse(invalidValue('spec.clusterIPs[0]', [wanted], 'may not change once set'));
}

function assignAddress(
  work: Work,
  old: ServiceSpec | undefined,
  { family, index }: { family: string; index: number },
): string {
  const wanted = work.spec.clusterIPs?.[index];
  if (wanted === undefined || wanted === '') return takeAnyAddress(work, family === 'IPv6' ? 'IPv6' : 'IPv4');
  // What it has stays its own, even where the cluster's range is another one by now.
  if (!old?.clusterIPs?.includes(wanted)) takeAddress(work, wanted);
  return wanted;
}

function takeAddress({ key, allocator, onAbort, refuse }: Work, address: string): void {
  const failure = allocator.takeAddress(address, key, onAbort);
  if (failure === undefined) return;
  const why = `failed to allocate IP ${address}: ${addressComplaint(failure, address, allocator)}`;
  throw refuse(invalidValue('spec.clusterIPs', [address], why));
}

function addressComplaint(failure: TakeFailure, address: string, allocator: ServiceAllocator): string {
  if (failure === 'taken') return 'provided IP is already allocated';
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const valid = allocator.families.filter((name) => name === family).map((name) => allocator.rangeOf(name).text);
  return `provided IP is not in the valid range. The range of valid IPs is ${valid.join(', ')}`;
}

function takeAnyAddress({ key, allocator, onAbort }: Work, family: FamilyName): string {
  const address = allocator.takeAnyAddress(family, key, onAbort);
  if (address !== undefined) return address;
  throw internalError(`failed to allocate a serviceIP: range ${allocator.rangeOf(family).text} is full`);
}

function needsNodePorts({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

function assignPorts(work: Work): void {
  const { spec, old } = work;
  const ports = spec.ports ?? [];
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') {
    for (const [index, port] of ports.entries()) assignPort(work, port, index);
  } else if (old !== undefined) {
    dropOuterFields(spec, old);
  }
  if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') assignHealthPort(work);
  else delete spec.healthCheckNodePort;
}

/** The type may have changed: what only the old type had and a client sends back unchanged is not its wish. */
function dropOuterFields(spec: ServiceSpec, old: ServiceSpec): void {
  for (const port of spec.ports ?? []) if (port.nodePort === oldPortOf(old, port)) delete port.nodePort;
  for (const field of ['externalTrafficPolicy', 'allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) {
    if (spec[field] === old[field]) delete spec[field];
  }
}

function assignPort(work: Work, port: ServicePort, index: number): void {
  const { spec, old, key, allocator, onAbort } = work;
  const before = old === undefined ? undefined : oldPortOf(old, port);
  const wanted = port.nodePort || before;
  if (wanted) {
    takePort(work, wanted, `spec.ports[${index}].nodePort`);
    port.nodePort = wanted;
  } else if (needsNodePorts(spec)) {
    const taken = allocator.takeAnyPort(key, onAbort);
    if (taken === undefined) throw internalError('failed to allocate a nodePort: range is full');
    port.nodePort = taken;
  }
}

function takePort({ key, allocator, onAbort, refuse }: Work, port: number, field: string): void {
  const failure = allocator.takePort(port, key, onAbort);
  if (failure === undefined) return;
  const range = `provided port is not in the valid range. The range of valid ports is ${NODE_PORTS.first}-${NODE_PORTS.last}`;
  const why = failure === 'taken' ? 'provided port is already allocated' : range;
  throw refuse({ type: 'invalid', field, message: `Invalid value: ${port}: ${why}` });
}

function assignHealthPort(work: Work): void {
  const { spec, old, key, allocator, onAbort } = work;
  const wanted = spec.healthCheckNodePort || old?.healthCheckNodePort;
  if (wanted) {
    takePort(work, wanted, 'spec.healthCheckNodePort');
    spec.healthCheckNodePort = wanted;
    return;
  }
  const taken = allocator.takeAnyPort(key, onAbort);
  if (taken === undefined) throw internalError('failed to allocate a nodePort: range is full');
  spec.healthCheckNodePort = taken;
}

/** The node port that the same port of the stored Service has. */
function oldPortOf(old: ServiceSpec, port: ServicePort): number | undefined {
  const same = old.ports?.find((candidate) => candidate.port === port.port && candidate.protocol === port.protocol);
  return same?.nodePort;
}
