/** JSON web tokens signed with ES256 (RFC 7515, 7518): only what service accounts need, and no other algorithm. */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { encodePublicKey } from '../../../shared/protocol/x509/keys.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** Longest token that is looked at. */
const MAX_TOKEN_CHARS = 16 * 1024;

export function signToken(claims: Claims, privateKey: KeyObject): string {
  const header = { alg: 'ES256', kid: keyId(createPublicKey(privateKey)), typ: 'JWT' };
  const input = `${encodePart(header)}.${encodePart(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** The claims, or undefined when the token was not signed with this key. Dates and audiences are the caller's business. */
export function verifyToken(token: string, publicKey: KeyObject): Claims | undefined {
  const parts = token.split('.');
  const [header = '', claims = '', signature = ''] = parts;
  if (token.length > MAX_TOKEN_CHARS || parts.length !== 3 || decodePart(header)?.['alg'] !== 'ES256') return undefined;
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' as const };
  const isSigned = verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'));
  return isSigned ? decodePart(claims) : undefined;
}

/** Whether the text has the form of a token; says nothing about who signed it. */
export function looksLikeToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text) && text.startsWith('eyJ');
}

function keyId(publicKey: KeyObject): string {
  return createHash('sha256').update(encodePublicKey(publicKey)).digest('base64url');
}

function encodePart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decodePart(text: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return isClaims(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isClaims(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
