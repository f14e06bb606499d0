/**
 * What manifests and image configurations say, as far as placing a pod needs it. Checked field by field: they come from
 * outside. Source: OCI image specification, "Image Index", "Image Manifest"; distribution, "Image Manifest V 2, Schema 2".
 */
import type { ImagePlatform } from '../../../../shared/machinery/image-platform.ts';
import { isJsonObject, type JsonObject } from '../../../../shared/machinery/json.ts';
import { RegistryError } from './registry-error.ts';

export const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

export type Manifest =
  /** Several platforms, each with a manifest of its own. */
  | { type: 'list'; variants: readonly VariantReference[] }
  /** One platform, which only the configuration names. */
  | { type: 'single'; configDigest: string; sizeBytes: number };

export interface VariantReference {
  platform: ImagePlatform;
  manifestDigest: string;
}

/** Entries of a list; the largest official images have some twenty, half of them attestations. */
const MAX_VARIANTS = 100;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Throws RegistryError `invalid`. */
export function parseManifest(body: Buffer): Manifest {
  const manifest = parseJson(body);
  if (Array.isArray(manifest['manifests'])) {
    return { type: 'list', variants: manifest['manifests'].slice(0, MAX_VARIANTS).flatMap(parseVariant) };
  }
  const config = manifest['config'];
  const digest = isJsonObject(config) ? config['digest'] : undefined;
  if (typeof digest !== 'string' || !DIGEST.test(digest)) {
    throw new RegistryError('invalid', 'the manifest names no configuration: an image in a form of before 2017?');
  }
  const layers: unknown[] = Array.isArray(manifest['layers']) ? manifest['layers'] : [];
  return {
    type: 'single',
    configDigest: digest,
    sizeBytes: layers.reduce<number>((sum, layer) => sum + sizeOf(layer), 0),
  };
}

/** Attestations stand in lists too, with the platform `unknown/unknown`. */
function parseVariant(entry: unknown): VariantReference[] {
  if (!isJsonObject(entry) || !isJsonObject(entry['platform'])) return [];
  const platform = parsePlatform(entry['platform']);
  const manifestDigest = entry['digest'];
  if (platform === undefined || platform.os === 'unknown') return [];
  if (typeof manifestDigest !== 'string' || !DIGEST.test(manifestDigest)) return [];
  return [{ platform, manifestDigest }];
}

/** Of an image's configuration. Throws RegistryError `invalid`. */
export function parseConfigPlatform(body: Buffer): ImagePlatform {
  const platform = parsePlatform(parseJson(body));
  if (platform === undefined) throw new RegistryError('invalid', 'the image does not say for which platform it is');
  return platform;
}

function parsePlatform({ os, architecture, variant }: JsonObject): ImagePlatform | undefined {
  if (typeof os !== 'string' || typeof architecture !== 'string' || os === '' || architecture === '') return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) };
}

function sizeOf(layer: unknown): number {
  const size = isJsonObject(layer) ? layer['size'] : 0;
  return typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? size : 0;
}

function parseJson(body: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isJsonObject(value)) return value;
  } catch {
    // Falls through: no JSON and no object are the same mistake.
  }
  throw new RegistryError('invalid', 'the registry answered something that is no manifest');
}
