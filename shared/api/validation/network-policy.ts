/** Checks of a NetworkPolicy: ports, peers and ranges of addresses that mean something. */
import type { FieldError } from '../../machinery/errors.ts';
import type { LabelSelector } from '../label-selector.ts';
import { cidrContains, parseCidr } from './cidr.ts';
import { checkRange, forbiddenValue, invalidValue, requiredValue, unsupportedValue } from './field-error.ts';
import { checkLabelSelector } from './labels.ts';
import { checkPortNumberOrName, MAX_PORT } from './probe.ts';

interface Peer {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: { cidr: string; except?: readonly string[] };
}

interface Port {
  port?: number | string;
  endPort?: number;
}

interface Policy {
  podSelector: LabelSelector;
  ingress?: readonly { ports?: readonly Port[]; from?: readonly Peer[] }[];
  egress?: readonly { ports?: readonly Port[]; to?: readonly Peer[] }[];
  policyTypes?: readonly string[];
}

const TYPES: readonly string[] = ['Ingress', 'Egress'];

export function checkNetworkPolicy(spec: Policy): FieldError[] {
  return [
    ...checkLabelSelector('spec.podSelector', spec.podSelector),
    ...(spec.ingress ?? []).flatMap(({ ports, from }, index) => [
      ...checkPorts(`spec.ingress[${index}].ports`, ports),
      ...checkPeers(`spec.ingress[${index}].from`, from),
    ]),
    ...(spec.egress ?? []).flatMap(({ ports, to }, index) => [
      ...checkPorts(`spec.egress[${index}].ports`, ports),
      ...checkPeers(`spec.egress[${index}].to`, to),
    ]),
    ...checkTypes(spec.policyTypes),
  ];
}

function checkTypes(types: readonly string[] = []): FieldError[] {
  const field = 'spec.policyTypes';
  if (types.length > TYPES.length) return [invalidValue(field, types, 'may not specify more than two policyTypes')];
  return types.flatMap((type, index) =>
    TYPES.includes(type) ? [] : [unsupportedValue(`${field}[${index}]`, type, TYPES)],
  );
}

function checkPorts(field: string, ports: readonly Port[] = []): FieldError[] {
  return ports.flatMap(({ port, endPort }, index) => [
    ...checkPortNumberOrName(`${field}[${index}].port`, port),
    ...checkEndPort(`${field}[${index}].endPort`, port, endPort),
  ]);
}

function checkEndPort(field: string, port: Port['port'], endPort: number | undefined): FieldError[] {
  if (endPort === undefined) return [];
  if (typeof port !== 'number') {
    const why =
      port === undefined
        ? 'may not be specified when `port` is not specified'
        : 'may not be specified when `port` is non-numeric';
    return [invalidValue(field, endPort, why)];
  }
  if (endPort < port) return [invalidValue(field, endPort, 'must be greater than or equal to `port`')];
  return checkRange(field, endPort, 1, MAX_PORT);
}

function checkPeers(field: string, peers: readonly Peer[] = []): FieldError[] {
  return peers.flatMap((peer, index) => checkPeer(`${field}[${index}]`, peer));
}

function checkPeer(field: string, { podSelector, namespaceSelector, ipBlock }: Peer): FieldError[] {
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (!selects && ipBlock === undefined) return [requiredValue(field, 'must specify a peer')];
  if (selects && ipBlock !== undefined) {
    return [forbiddenValue(field, 'may not specify both ipBlock and another peer')];
  }
  return [
    ...checkLabelSelector(`${field}.podSelector`, podSelector),
    ...checkLabelSelector(`${field}.namespaceSelector`, namespaceSelector),
    ...(ipBlock ? checkBlock(`${field}.ipBlock`, ipBlock) : []),
  ];
}

const NO_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function checkBlock(field: string, { cidr, except = [] }: NonNullable<Peer['ipBlock']>): FieldError[] {
  const outer = parseCidr(cidr);
  if (outer === undefined) return [invalidValue(`${field}.cidr`, cidr, NO_CIDR)];
  return except.flatMap((text, index) => {
    const inner = parseCidr(text);
    const at = `${field}.except[${index}]`;
    if (inner === undefined) return [invalidValue(at, text, NO_CIDR)];
    const isInside = cidrContains(outer, inner) && inner.prefix > outer.prefix;
    return isInside ? [] : [invalidValue(at, text, `must be a strict subset of \`cidr\`: "${cidr}"`)];
  });
}
