/** Checks of an EndpointSlice: its size, and addresses of the one type that it has for ever. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1123Label, validateDns1123Subdomain, validateQualifiedName } from '../../machinery/names.ts';
import { checkRange, checkUnique, complaintsAbout, invalidValue, requiredValue } from './field-error.ts';
import { MAX_PORT } from './probe.ts';
import { checkOptionalText, isIpAddress } from './text.ts';

/** Kubernetes' bounds; our own controller stays far below. */
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;

interface Endpoint {
  addresses: readonly string[];
  hostname?: string;
  nodeName?: string;
}

interface Port {
  name: string;
  port?: number;
  appProtocol?: string;
}

interface Slice {
  addressType: 'IPv4' | 'IPv6' | 'FQDN';
  endpoints: readonly Endpoint[];
  ports?: readonly Port[];
}

export function checkEndpointSlice(slice: Slice, old?: Slice): FieldError[] {
  const { addressType, endpoints, ports = [] } = slice;
  return [
    ...checkCount('endpoints', endpoints.length, MAX_ENDPOINTS),
    ...endpoints.flatMap((endpoint, index) => checkEndpoint(`endpoints[${index}]`, endpoint, addressType)),
    ...checkCount('ports', ports.length, MAX_PORTS),
    ...ports.flatMap((port, index) => checkPort(`ports[${index}]`, port)),
    ...checkUnique(
      ports,
      ({ name }) => name,
      (index) => `ports[${index}].name`,
    ),
    ...(old && old.addressType !== addressType ? [invalidValue('addressType', addressType, 'field is immutable')] : []),
  ];
}

function checkCount(field: string, count: number, max: number): FieldError[] {
  if (count <= max) return [];
  return [{ type: 'tooMany', field, message: `Too many: ${count}: must have at most ${max} items` }];
}

function checkEndpoint(
  field: string,
  { addresses, hostname, nodeName }: Endpoint,
  type: Slice['addressType'],
): FieldError[] {
  return [
    ...(addresses.length === 0 ? [requiredValue(`${field}.addresses`, 'must contain at least 1 address')] : []),
    ...checkCount(`${field}.addresses`, addresses.length, MAX_ADDRESSES),
    ...addresses.flatMap((address, index) => checkAddress(`${field}.addresses[${index}]`, address, type)),
    ...checkOptionalText(`${field}.hostname`, hostname, validateDns1123Label),
    ...checkOptionalText(`${field}.nodeName`, nodeName, validateDns1123Subdomain),
  ];
}

function checkAddress(field: string, address: string, type: Slice['addressType']): FieldError[] {
  if (type === 'FQDN') return complaintsAbout(field, address, validateDns1123Subdomain(address));
  const isOfType = isIpAddress(address) && address.includes(':') === (type === 'IPv6');
  return isOfType ? checkReachable(field, address) : [invalidValue(field, address, `must be an ${type} address`)];
}

/** An endpoint must not lead to the node itself or to everybody (CVE-2021-25737). */
function checkReachable(field: string, address: string): FieldError[] {
  const rules: readonly (readonly [pattern: RegExp, why: string])[] = [
    [/^(0\.0\.0\.0|::)$/, 'may not be unspecified'],
    [/^(127\.|::1$)/, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    [/^(169\.254\.|fe[89ab][0-9a-f]:)/i, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    [/^(224\.0\.0\.|ff0?2:)/i, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
  ];
  return rules.filter(([pattern]) => pattern.test(address)).map(([, why]) => invalidValue(field, address, why));
}

function checkPort(field: string, { name, port, appProtocol }: Port): FieldError[] {
  return [
    ...checkOptionalText(`${field}.name`, name, validateDns1123Label),
    ...checkRange(`${field}.port`, port, 1, MAX_PORT),
    ...checkOptionalText(`${field}.appProtocol`, appProtocol, validateQualifiedName),
  ];
}
