/** Checks of an Ingress: hosts, paths and backends that can be served. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1035Label, validateDns1123Subdomain, validatePortName } from '../../machinery/names.ts';
import type { TypedLocalObjectReference } from '../references.ts';
import { checkRange, complaintsAbout, invalidValue, requiredValue } from './field-error.ts';
import { MAX_PORT } from './probe.ts';
import { checkOptionalText, checkText, isIpAddress } from './text.ts';

interface Backend {
  resource?: TypedLocalObjectReference;
  service?: { name: string; port?: { name?: string; number?: number } };
}

interface Path {
  path?: string;
  pathType: 'Exact' | 'Prefix' | 'ImplementationSpecific';
  backend: Backend;
}

interface Ingress {
  metadata: { annotations?: Readonly<Record<string, string>> };
  spec: {
    defaultBackend?: Backend;
    tls?: readonly { hosts?: readonly string[] }[];
    rules?: readonly { host?: string; http?: { paths: readonly Path[] } }[];
    ingressClassName?: string;
  };
}

/** What came before ingressClassName; both at once contradict each other. */
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function checkIngress({ metadata, spec }: Ingress, old?: Ingress): FieldError[] {
  const { defaultBackend, rules = [], tls = [], ingressClassName } = spec;
  const annotation = metadata.annotations?.[CLASS_ANNOTATION];
  const hasBoth = old === undefined && annotation !== undefined && ingressClassName !== undefined;
  return [
    ...(hasBoth
      ? [invalidValue(`annotations.${CLASS_ANNOTATION}`, annotation, 'can not be set when the class field is also set')]
      : []),
    ...(rules.length === 0 && defaultBackend === undefined
      ? [invalidValue('spec', rules, 'either `defaultBackend` or `rules` must be specified')]
      : []),
    ...tls.flatMap(({ hosts = [] }, index) =>
      hosts.flatMap((host, at) => checkHost(`spec.tls[${index}].hosts[${at}]`, host)),
    ),
    ...rules.flatMap(({ host, http }, index) => [
      ...(host ? checkRuleHost(`spec.rules[${index}].host`, host) : []),
      ...(http ? checkPaths(`spec.rules[${index}].http.paths`, http.paths) : []),
    ]),
    ...(defaultBackend ? checkBackend('spec.defaultBackend', defaultBackend) : []),
    ...checkOptionalText('spec.ingressClassName', ingressClassName, validateDns1123Subdomain),
  ];
}

function checkRuleHost(field: string, host: string): FieldError[] {
  if (isIpAddress(host)) return [invalidValue(field, host, 'must be a DNS name, not an IP address')];
  return checkHost(field, host);
}

/** `*.example.com` stands for one label in front of the domain. */
function checkHost(field: string, host: string): FieldError[] {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  return complaintsAbout(field, host, validateDns1123Subdomain(name));
}

function checkPaths(field: string, paths: readonly Path[]): FieldError[] {
  if (paths.length === 0) return [requiredValue(field)];
  return paths.flatMap((path, index) => [
    ...checkPath(`${field}[${index}].path`, path),
    ...checkBackend(`${field}[${index}].backend`, path.backend),
  ]);
}

const BAD_SEQUENCES: readonly string[] = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_ENDS: readonly string[] = ['/..', '/.'];

function checkPath(field: string, { path = '', pathType }: Path): FieldError[] {
  if (pathType === 'ImplementationSpecific') {
    return path === '' || path.startsWith('/') ? [] : [invalidValue(field, path, 'must be an absolute path')];
  }
  if (!path.startsWith('/')) return [invalidValue(field, path, 'must be an absolute path')];
  return [
    ...BAD_SEQUENCES.filter((bad) => path.includes(bad)).map((bad) =>
      invalidValue(field, path, `must not contain '${bad}'`),
    ),
    ...BAD_ENDS.filter((bad) => path.endsWith(bad)).map((bad) => invalidValue(field, path, `cannot end with '${bad}'`)),
  ];
}

function checkBackend(field: string, { resource, service }: Backend): FieldError[] {
  if (resource !== undefined && service !== undefined) {
    return [invalidValue(field, '', 'cannot set both resource and service backends')];
  }
  if (resource !== undefined) {
    return [
      ...checkText(`${field}.resource.kind`, resource.kind),
      ...checkText(`${field}.resource.name`, resource.name),
    ];
  }
  if (service === undefined) return [requiredValue(`${field}.service.name`), requiredValue(`${field}.service.port`)];
  return [
    ...checkText(`${field}.service.name`, service.name, validateDns1035Label),
    ...checkBackendPort(field, service),
  ];
}

function checkBackendPort(field: string, { port = {} }: NonNullable<Backend['service']>): FieldError[] {
  const { name = '', number = 0 } = port;
  if (name !== '' && number !== 0) {
    return [invalidValue(field, name, 'cannot set both port name & port number')];
  }
  if (name === '' && number === 0) return [requiredValue(`${field}.service.port`, 'port name or number is required')];
  if (name !== '') return complaintsAbout(`${field}.service.port.name`, name, validatePortName(name));
  return checkRange(`${field}.service.port.number`, number, 1, MAX_PORT);
}
