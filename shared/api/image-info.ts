/**
 * ImageInfo: what a registry says of an image that pods name: its digest and the platforms that it is built for. Written by
 * the master's image controller, read by the scheduler. In memory only: it can be asked again. The name is a hash of the image's name.
 */
import type { Static } from 'typebox';
import { formatPlatform } from '../machinery/image-platform.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int64, list, object, oneOf, ref, required, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';

const ImagePlatformSchema = object('ImagePlatform', 'One variant of an image', {
  os: required(str(undefined, 'operating system')),
  architecture: required(str(undefined, 'CPU, as in kubernetes.io/arch')),
  variant: str(undefined, 'variant of the CPU, such as v7'),
});

const ImageInfoSpecSchema = object('ImageInfoSpec', 'Which image', {
  image: required(str(undefined, 'its name in canonical form')),
});

const ImageInfoStatusSchema = object('ImageInfoStatus', 'What the registry says', {
  state: oneOf(undefined, ['Known', 'Unknown'], 'Unknown: the registry has not answered, anything is possible'),
  digest: str(undefined, 'digest of the manifest or of the manifest list'),
  platforms: list(undefined, ImagePlatformSchema, 'what the image is built for'),
  sizeBytes: int64(undefined, 'compressed size, where the registry told it'),
  reason: str(undefined, 'why nothing is known, in one CamelCase word'),
  message: str(undefined, 'why nothing is known, for people'),
  checkedAt: time(undefined, 'when the registry was asked'),
});

export const ImageInfoSchema = object('ImageInfo', 'What a registry says of an image', {
  apiVersion: defaulted(str(undefined, 'always bramble.dev/v1')),
  kind: defaulted(str(undefined, 'always ImageInfo')),
  metadata: defaulted(ref(undefined, ObjectMetaSchema, "a hash of the image's name", { default: {} })),
  spec: required(ref(undefined, ImageInfoSpecSchema, 'which image')),
  status: defaulted(ref(undefined, ImageInfoStatusSchema, 'what the registry says', { default: {} })),
});

export type ImageInfo = Static<typeof ImageInfoSchema>;

export const ImageInfoKind = defineKind<ImageInfo>(KIND_NAMES.ImageInfo, {
  schema: ImageInfoSchema,
  durability: () => 'memory',
  columns: [
    nameColumn(),
    { name: 'Image', type: 'string', description: 'name of the image', value: ({ spec }) => spec.image },
    {
      name: 'Platforms',
      type: 'string',
      description: 'what it is built for',
      value: ({ status }) => (status.platforms ?? []).map(formatPlatform).join(',') || '<unknown>',
    },
    { name: 'Reason', type: 'string', description: 'why nothing is known', value: ({ status }) => status.reason ?? '' },
    {
      name: 'Digest',
      type: 'string',
      priority: 1,
      description: 'digest of the manifest',
      value: ({ status }) => status.digest ?? '<unknown>',
    },
    ageColumn(),
  ],
});
