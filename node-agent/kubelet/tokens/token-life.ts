/** Pure: how long a token lives, read from itself, and when a new one is due. Source: RFC 7519; Kubernetes' token manager. */

export interface KnownToken {
  text: string;
  issuedAtMs: number;
  expiresAtMs: number;
}

/** A fifth of its life is left for a master that is away. */
const RENEW_SHARE = 0.8;
/** Nobody keeps a token for longer, however long it would live. */
const MAX_AGE_MS = 24 * 60 * 60 * 1000;

export function renewAtMs({ issuedAtMs, expiresAtMs }: Omit<KnownToken, 'text'>): number {
  return issuedAtMs + Math.min((expiresAtMs - issuedAtMs) * RENEW_SHARE, MAX_AGE_MS);
}

/** undefined: no token, or one of another pod. The signature is the API server's business. */
export function parseToken(text: string, podUid: string): KnownToken | undefined {
  const claims = decodeClaims(text.split('.')[1] ?? '');
  const { exp, iat } = claims;
  if (typeof exp !== 'number' || typeof iat !== 'number') return undefined;
  const pod = asRecord(asRecord(claims['kubernetes.io'])['pod']);
  return pod['uid'] === podUid ? { text, issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 } : undefined;
}

function decodeClaims(part: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
  } catch {
    return {};
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
