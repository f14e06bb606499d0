/** Gives Services their cluster address and node ports, and keeps those they have. Source: Kubernetes, "Service". */
import type { Service } from '../../../../shared/api/service.ts';
import type { ServicePort, ServiceSpec } from '../../../../shared/api/service-spec.ts';
import { type FieldError, internalError, invalid, type StatusError } from '../../../../shared/machinery/errors.ts';
import { type AnyKind, asKind } from '../../storage/api-object.ts';
import { storeKeyOf } from '../../storage/keys.ts';
import type { AdmissionReview, AdmissionStep } from '../admission.ts';
import { NODE_PORTS, type OnAbort, type ServiceAllocator, type TakeFailure } from './service-allocator.ts';

interface Work {
  spec: ServiceSpec;
  old: ServiceSpec | undefined;
  /** Store key of the Service: who owns what is taken. */
  key: string;
  allocator: ServiceAllocator;
  onAbort: OnAbort;
  refuse(error: FieldError): StatusError;
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
      refuse: (error) => invalid(kindName(kind), name, [error]),
    };
    assignAddress(work);
    assignPorts(work);
  };
}

function kindName({ group, kind }: AnyKind): { group: string; kind: string } {
  return { group, kind };
}

function assignAddress(work: Work): void {
  const { spec, old } = work;
  if (spec.type === 'ExternalName') {
    delete spec.clusterIP;
    delete spec.clusterIPs;
    return;
  }
  const kept = old !== undefined && old.type !== 'ExternalName' ? old.clusterIP : undefined;
  if (kept) keepAddress(work, kept);
  else if (spec.clusterIP === 'None') spec.clusterIPs = ['None'];
  else if (spec.clusterIP) takeAddress(work, spec.clusterIP);
  else takeAnyAddress(work);
}

function keepAddress({ spec, refuse }: Work, kept: string): void {
  if (spec.clusterIP && spec.clusterIP !== kept) {
    const shown = JSON.stringify([spec.clusterIP]);
    throw refuse({
      type: 'invalid',
      field: 'spec.clusterIPs[0]',
      message: `Invalid value: ${shown}: may not change once set`,
    });
  }
  spec.clusterIP = kept;
  spec.clusterIPs = [kept];
}

function takeAddress({ spec, key, allocator, onAbort, refuse }: Work, address: string): void {
  const failure = allocator.takeAddress(address, key, onAbort);
  if (failure !== undefined) {
    const why = addressComplaint(failure, allocator);
    const message = `Invalid value: ${JSON.stringify([address])}: failed to allocate IP ${address}: ${why}`;
    throw refuse({ type: 'invalid', field: 'spec.clusterIPs', message });
  }
  spec.clusterIPs = [address];
}

function addressComplaint(failure: TakeFailure, { range }: ServiceAllocator): string {
  if (failure === 'taken') return 'provided IP is already allocated';
  return `provided IP is not in the valid range. The range of valid IPs is ${range.text}`;
}

function takeAnyAddress({ spec, key, allocator, onAbort }: Work): void {
  const address = allocator.takeAnyAddress(key, onAbort);
  if (address === undefined)
    throw internalError(`failed to allocate a serviceIP: range ${allocator.range.text} is full`);
  spec.clusterIP = address;
  spec.clusterIPs = [address];
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
