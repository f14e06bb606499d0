/** Media types as the API uses them: in which form an answer is wanted, in which a body came. Pure. */
import { StatusError } from '../../../shared/machinery/errors.ts';

export const MEDIA_TYPE = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
  jsonPatch: 'application/json-patch+json',
  mergePatch: 'application/merge-patch+json',
  strategicMergePatch: 'application/strategic-merge-patch+json',
  applyPatch: 'application/apply-patch+yaml',
} as const;

export interface MediaType {
  /** Lower case, without parameters. */
  type: string;
  parameters: Readonly<Record<string, string>>;
}

/** How the answer shall look. */
export type Representation = 'object' | 'table' | 'partial' | 'discovery-v2' | 'discovery-v2beta1';

export interface Accepted {
  as: Representation;
  encoding: 'json' | 'yaml';
}

/** Longest Accept or Content-Type header that is looked at. */
const MAX_HEADER_CHARS = 4096;

export function parseMediaType(text: string): MediaType {
  const [type = '', ...rest] = text.slice(0, MAX_HEADER_CHARS).split(';');
  const pairs = rest.map((parameter) => {
    const [name = '', value = ''] = parameter.split('=');
    return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')] as const;
  });
  return { type: type.trim().toLowerCase(), parameters: Object.fromEntries(pairs) };
}

/**
 * The first media type of an Accept header that can be served; JSON objects when there is no header. Protobuf is never
 * served: clients that prefer it name JSON beside it.
 * Throws NotAcceptable when nothing fits.
 */
export function negotiate(accept: string | undefined): Accepted {
  if (accept === undefined || accept.trim() === '') return { as: 'object', encoding: 'json' };
  for (const part of accept.slice(0, MAX_HEADER_CHARS).split(',')) {
    const accepted = acceptedBy(parseMediaType(part));
    if (accepted !== undefined) return accepted;
  }
  const offered = [MEDIA_TYPE.json, MEDIA_TYPE.yaml].join(', ');
  throw new StatusError('NotAcceptable', `only the following media types are accepted: ${offered}`);
}

function acceptedBy({ type, parameters }: MediaType): Accepted | undefined {
  const encoding = ENCODINGS[type];
  if (encoding === undefined) return undefined;
  const as = parameters['as'] === undefined ? 'object' : representationOf(parameters);
  return as === undefined ? undefined : { as, encoding };
}

const ENCODINGS: Readonly<Record<string, 'json' | 'yaml'>> = {
  [MEDIA_TYPE.json]: 'json',
  'application/*': 'json',
  '*/*': 'json',
  [MEDIA_TYPE.yaml]: 'yaml',
};

function representationOf(parameters: Readonly<Record<string, string>>): Representation | undefined {
  const { as = '', v = '', g = '' } = parameters;
  return TRANSFORMS[`${g}/${v}/${as}`];
}

const TRANSFORMS: Readonly<Record<string, Representation>> = {
  'meta.k8s.io/v1/Table': 'table',
  'meta.k8s.io/v1/PartialObjectMetadata': 'partial',
  'meta.k8s.io/v1/PartialObjectMetadataList': 'partial',
  'apidiscovery.k8s.io/v2/APIGroupDiscoveryList': 'discovery-v2',
  'apidiscovery.k8s.io/v2beta1/APIGroupDiscoveryList': 'discovery-v2beta1',
};
