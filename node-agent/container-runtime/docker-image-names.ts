/**
 * Names of images by digest. Docker keeps a name with a digest (`nginx@sha256:…`) only for what it pulled itself, and lets
 * nobody set one. What was copied from another node gets a tag in its place, below a domain that cannot exist (RFC 2606), so
 * that no registry can ever give it another meaning. Outside of this room such tags read as the digests that they stand for.
 */
import { familiarRepository, parseImageReference } from '../../shared/machinery/image-reference.ts';

const PREFIX = 'bramble.invalid/';

/** `bramble.invalid/registry.local__5000/app:<hex>` */
const ALIAS = /^bramble\.invalid\/([^:]+):([0-9a-f]{64})$/;

const HOST_WITH_PORT = /^([^/]+)__(\d{1,5})(?=\/)/;

export interface ImageAlias {
  repository: string;
  tag: string;
}

/** undefined: this name cannot be written as a tag; it has letters or an address that tags do not take. */
export function aliasOf(reference: string, digest: string): ImageAlias | undefined {
  const parsed = parseImageReference(reference);
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (parsed === undefined || hex === undefined) return undefined;
  const repository = PREFIX + familiarRepository(parsed).replace(/^([^/:]+):(\d+)(?=\/)/, '$1__$2');
  const alias = { repository, tag: hex };
  return digestNameOf(formatAlias(alias)) === `${familiarRepository(parsed)}@${digest}` ? alias : undefined;
}

export function formatAlias({ repository, tag }: ImageAlias): string {
  return `${repository}:${tag}`;
}

/** `registry.local:5000/app@sha256:…`; undefined: a tag like others. */
export function digestNameOf(tag: string): string | undefined {
  const [, repository, hex] = ALIAS.exec(tag) ?? [];
  if (repository === undefined || parseImageReference(tag) === undefined) return undefined;
  return `${repository.replace(HOST_WITH_PORT, '$1:$2')}@sha256:${hex}`;
}

/** The tags and digests of an image, with the stand-ins among the digests. */
export function readNames(
  tags: readonly string[],
  digests: readonly string[],
): { references: string[]; digests: string[] } {
  const standIns = tags.flatMap((tag) => digestNameOf(tag) ?? []);
  return {
    references: tags.filter((tag) => digestNameOf(tag) === undefined),
    digests: [...new Set([...digests.filter((name) => !name.startsWith(PREFIX)), ...standIns])],
  };
}
