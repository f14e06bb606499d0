/** What makes and reads tokens of service accounts, where there is such a thing: options of the API server. */
import type { TokenRequestSpec } from '../../../shared/api/authentication.ts';
import type { UserInfo } from '../user-info.ts';

export interface TokenSubject {
  namespace: string;
  /** Name and uid of the service account. */
  name: string;
  uid: string;
}

export type TokenIssuer = (
  subject: TokenSubject,
  spec: TokenRequestSpec,
) => Promise<{ token: string; expirationTimestamp: string }>;

/** undefined for a token that is not, or no longer, good. */
export type TokenAuthenticator = (
  token: string,
  audiences: readonly string[],
) => Promise<{ user: UserInfo; audiences: readonly string[] } | undefined>;
