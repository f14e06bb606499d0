/** Finds out who asks, for both doors: from a certificate that TLS has verified, or from a bearer token. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import type { Client } from '../../../shared/client/client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { BOOTSTRAP_USERNAME, parseBootstrapToken } from '../../../shared/protocol/join-token.ts';
import { TOKEN_USERNAME } from '../../../shared/protocol/mqtt-user.ts';
import { isReturnProof } from '../../../shared/protocol/returning-node.ts';
import type { UserInfo } from '../../apiserver/user-info.ts';
import type { SessionCredentials } from '../../broker/credentials.ts';
import { SessionRefused } from '../../broker/session-refused.ts';
import { userOfBootstrapToken } from './bootstrap-tokens.ts';
import { userOfCertificate } from './client-certificate.ts';
import { looksLikeToken } from './json-web-token.ts';
import type { MqttUsers } from './mqtt-users.ts';
import { refuseReplaced } from './replaced-identities.ts';
import { userOfReturningNode } from './returning-node.ts';
import { userOfServiceAccountToken } from './service-account-tokens.ts';
import { unauthorized } from './unauthorized.ts';

export interface AuthenticatorOptions {
  /** With the rights of a master: reads Secrets, ServiceAccounts and Pods. */
  client: Pick<Client, 'get'>;
  /** Key of the tokens of service accounts. */
  tokenKey: KeyObject;
  clock: Pick<Clock, 'nowMs'>;
  /** PEM of the cluster's CA; absent: boards whose certificate has ended do not come back. */
  ca?: string;
  /** People's own MQTT clients; absent: there are none. */
  mqttUsers?: Pick<MqttUsers, 'userOf'>;
}

/** Methods reject with Unauthorized, whose message says why. */
export interface Authenticator {
  userOfCertificate(certificate: X509Certificate): Promise<UserInfo>;
  userOfToken(token: string): Promise<UserInfo>;
  /** For the broker; rejects with SessionRefused. */
  userOfSession(credentials: SessionCredentials): Promise<UserInfo>;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { client, clock, tokenKey, mqttUsers, ca } = options;
  const userOfCurrent = async (certificate: X509Certificate): Promise<UserInfo> => {
    const user = userOfCertificate(certificate);
    await refuseReplaced(client, user.name, certificate);
    return user;
  };
  const userOfToken = async (token: string): Promise<UserInfo> => {
    const bootstrap = parseBootstrapToken(token);
    if (bootstrap !== undefined) return userOfBootstrapToken({ client, clock }, bootstrap);
    if (ca !== undefined && isReturnProof(token)) return userOfReturningNode({ client, clock, ca }, token);
    if (looksLikeToken(token)) return userOfServiceAccountToken({ client, clock, key: tokenKey }, token);
    throw unauthorized('the bearer token is of no kind that is known here');
  };
  return {
    userOfCertificate: userOfCurrent,
    userOfToken,
    userOfSession: (credentials) => userOfSession(credentials, { userOfCurrent, userOfToken, mqttUsers }),
  };
}

interface Judges {
  userOfCurrent(certificate: X509Certificate): Promise<UserInfo>;
  userOfToken(token: string): Promise<UserInfo>;
  mqttUsers: AuthenticatorOptions['mqttUsers'];
}

async function userOfSession(
  { certificate, username, password, isPlain }: SessionCredentials,
  { userOfCurrent, userOfToken, mqttUsers }: Judges,
): Promise<UserInfo> {
  try {
    const isToken = username === BOOTSTRAP_USERNAME || username === TOKEN_USERNAME;
    if (isPlain && (isToken || certificate !== undefined)) {
      throw unauthorized('the port without TLS is for the users of "bramble mqtt user add" alone');
    }
    if (certificate !== undefined) return await userOfCurrent(certificate);
    if (username === undefined || password === undefined) {
      throw unauthorized('show a client certificate, or a user name and a password or token');
    }
    if (!isToken) {
      if (mqttUsers !== undefined) return await mqttUsers.userOf(username, password);
      throw unauthorized(`the user name must be ${BOOTSTRAP_USERNAME} or ${TOKEN_USERNAME}`);
    }
    return await userOfToken(password);
  } catch (error) {
    if (!isStatusError(error, 'Unauthorized')) throw error;
    const hasShown = certificate !== undefined || password !== undefined;
    throw new SessionRefused(hasShown ? 'bad-credentials' : 'not-authorized', error.message);
  }
}
