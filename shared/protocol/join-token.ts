/**
 * Join tokens: what a person copies from the master to a board. The token names the cluster's CA by its hash, so that the
 * board can trust the master it dials for the first time, and carries a bootstrap secret, so that the master trusts the board.
 *
 *     bramble:<sha256 of the CA certificate's DER, 64 hex digits>:<id, 6 characters>.<secret, 16 characters>
 *
 * Source of id and secret: Kubernetes' bootstrap tokens.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export interface JoinToken {
  /** Lower-case hex. */
  caHash: string;
  id: string;
  secret: string;
}

export type JoinTokenErrorReason =
  /** Not copied whole, or no join token at all. */
  | 'malformed'
  /** The master that answered belongs to another cluster, or is not who it says. */
  | 'wrong-ca';

export class JoinTokenError extends Error {
  override readonly name = 'JoinTokenError';
  readonly reason: JoinTokenErrorReason;
  constructor(reason: JoinTokenErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** MQTT user name of a board that joins; the password is `<id>.<secret>`. */
export const BOOTSTRAP_USERNAME = 'bootstrap';

/** A name that every master's server certificate holds, whatever its addresses are. */
export const MASTER_SERVER_NAME = 'bramble-master';

/**
 * Application protocol (ALPN, RFC 7301) by which a board without a clock asks the master's MQTT port for the time: after the
 * handshake the master sends one line, its time as RFC 3339, and closes. docs/security.md says what the answer is worth.
 */
export const TIME_PROTOCOL = 'bramble-time/1';

const BOOTSTRAP_TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

/** Throws JoinTokenError `malformed`, which says what is wrong without repeating the secret. */
export function parseJoinToken(text: string): JoinToken {
  const parts = text.trim().split(':');
  if (parts[0] !== 'bramble') throw malformed('it must start with "bramble:"');
  if (parts.length !== 3) throw malformed('it must have three parts between colons');
  const [, caHash = '', bootstrap = ''] = parts;
  if (!/^[0-9a-f]{64}$/i.test(caHash)) throw malformed('its second part must be 64 hexadecimal digits');
  const token = parseBootstrapToken(bootstrap);
  if (token === undefined) throw malformed('its last part must look like abcdef.0123456789abcdef');
  return { caHash: caHash.toLowerCase(), ...token };
}

/** `<id>.<secret>`; undefined when it is not of that form. */
export function parseBootstrapToken(text: string): { id: string; secret: string } | undefined {
  const match = BOOTSTRAP_TOKEN.exec(text);
  if (match === null) return undefined;
  const [, id = '', secret = ''] = match;
  return { id, secret };
}

export function formatJoinToken(token: JoinToken): string {
  return `bramble:${token.caHash}:${formatBootstrapToken(token)}`;
}

export function formatBootstrapToken({ id, secret }: Pick<JoinToken, 'id' | 'secret'>): string {
  return `${id}.${secret}`;
}

/** `certificateDer`: the CA certificate as it came over the wire. */
export function computeCaHash(certificateDer: Uint8Array): string {
  return createHash('sha256').update(certificateDer).digest('hex');
}

/** Throws JoinTokenError `wrong-ca`. */
export function checkCaHash(token: Pick<JoinToken, 'caHash'>, certificateDer: Uint8Array): void {
  const presented = createHash('sha256').update(certificateDer).digest();
  const expected = Buffer.from(token.caHash, 'hex');
  if (expected.length === presented.length && timingSafeEqual(expected, presented)) return;
  throw new JoinTokenError(
    'wrong-ca',
    'the master belongs to another cluster than the join token: its CA has the hash ' +
      `${presented.toString('hex')}, the token says ${token.caHash}; make a new token on that master, or check the address`,
  );
}

function malformed(what: string): JoinTokenError {
  return new JoinTokenError('malformed', `this is no join token: ${what}; run "bramble token create" on the master`);
}
