/**
 * How two agents speak about images, over HTTPS with both sides' certificates:
 *
 *     GET /v1/image?reference=nginx:1.27&image=sha256:…
 *     bramble-offset: 1048576            where an earlier copy broke off
 *     bramble-version: …                 of what
 *
 *     200, bramble-version, bramble-offset, bramble-size, content-encoding: zstd, and the archive from there to its end
 *     404 not here · 503 busy · 403 not a node of this cluster
 */
import { PeerError, type PeerErrorReason } from './peer-dialer.ts';

export const IMAGE_PATH = '/v1/image';

export const HEADER = { version: 'bramble-version', offset: 'bramble-offset', size: 'bramble-size' } as const;

export interface ImageQuery {
  reference: string;
  imageId: string | undefined;
  offset: number;
  version: string | undefined;
}

/** Longer names do not exist. */
const MAX_REFERENCE_CHARS = 1024;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export function renderQuery({ reference, imageId, offset, version }: ImageQuery): {
  path: string;
  headers: Record<string, string>;
} {
  const query = new URLSearchParams({ reference, ...(imageId === undefined ? {} : { image: imageId }) });
  const resume: Record<string, string> =
    version === undefined ? {} : { [HEADER.version]: encodeURIComponent(version), [HEADER.offset]: String(offset) };
  return { path: `${IMAGE_PATH}?${query}`, headers: { ...resume, 'accept-encoding': 'zstd' } };
}

/** undefined: no question that can be answered. */
export function parseQuery(url: string, headers: Headers): ImageQuery | undefined {
  const parsed = URL.canParse(url, 'https://node') ? new URL(url, 'https://node') : undefined;
  const reference = parsed?.searchParams.get('reference') ?? '';
  if (parsed?.pathname !== IMAGE_PATH || reference === '' || reference.length > MAX_REFERENCE_CHARS) return undefined;
  const offset = readNumber(headers[HEADER.offset] ?? '0');
  if (offset === undefined) return undefined;
  const imageId = parsed.searchParams.get('image') ?? undefined;
  if (imageId !== undefined && !/^sha256:[0-9a-f]{64}$/.test(imageId)) return undefined;
  return { reference, imageId, offset, version: readText(headers[HEADER.version]) };
}

/** Throws PeerError `refused` for headers that are none of ours. */
export function parseAnswer(headers: Headers): { version: string; offset: number; sizeBytes: number } {
  const version = readText(headers[HEADER.version]);
  const offset = readNumber(headers[HEADER.offset]);
  const sizeBytes = readNumber(headers[HEADER.size]);
  if (version === undefined || offset === undefined || sizeBytes === undefined) {
    throw new PeerError('refused', 'it answers something that is no image');
  }
  return { version, offset, sizeBytes };
}

const STATUSES: Readonly<Record<PeerErrorReason, number>> = {
  'not-found': 404,
  busy: 503,
  refused: 403,
  unreachable: 502,
  broken: 500,
};

export function statusOf(reason: PeerErrorReason): number {
  return STATUSES[reason];
}

export function reasonOf(status: number): PeerErrorReason {
  if (status === 404) return 'not-found';
  return status === 503 ? 'busy' : 'refused';
}

function readText(value: string | string[] | undefined): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function readNumber(value: string | string[] | undefined): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
