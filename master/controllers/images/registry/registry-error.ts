/** Why a registry did not say what an image is: a closed set, by status codes and error codes, never by message text. */

export type RegistryErrorReason =
  /** No answer: no such host, refused, timed out, a server error. */
  | 'unreachable'
  /** Its certificate is not trusted here. */
  | 'untrusted'
  /** It wants other credentials, or any. */
  | 'unauthorized'
  | 'not-found'
  /** Too many requests lately. */
  | 'rate-limited'
  /** It belongs to each node's own loopback: the master cannot ask it. */
  | 'local'
  /** It answered something that is no manifest. */
  | 'invalid';

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly reason: RegistryErrorReason;
  /** Whatever credentials are shown and whatever is asked for: the host itself has a problem. */
  get isAboutHost(): boolean {
    return this.reason === 'unreachable' || this.reason === 'untrusted' || this.reason === 'rate-limited';
  }
  constructor(reason: RegistryErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** As conditions and statuses say it. */
export const REASON_WORDS: Readonly<Record<RegistryErrorReason, string>> = {
  unreachable: 'RegistryUnreachable',
  untrusted: 'RegistryUntrusted',
  unauthorized: 'Unauthorized',
  'not-found': 'NotFound',
  'rate-limited': 'RateLimited',
  local: 'LocalRegistry',
  invalid: 'InvalidManifest',
};
