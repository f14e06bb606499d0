/** A bootstrap token in the cluster, and the join token that carries it with the hash of the cluster's CA. */
import { X509Certificate } from 'node:crypto';
import { formatTime } from '../../shared/platform/clock.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import { computeCaHash, formatJoinToken } from '../../shared/protocol/join-token.ts';
import type { Api } from './api.ts';
import type { Profile } from './kubeconfig.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

export interface CreatedToken {
  token: string;
  id: string;
  expiration: string;
}

/** Source of the Secret's form: Kubernetes, "Authenticating with Bootstrap Tokens". */
export async function createJoinToken(
  random: Random,
  api: Api,
  { profile, expirationMs }: { profile: Profile; expirationMs: number },
): Promise<CreatedToken> {
  const id = randomWord(random, 6);
  const secret = randomWord(random, 16);
  const expiration = formatTime(expirationMs);
  await api.object({
    method: 'POST',
    path: '/api/v1/namespaces/kube-system/secrets',
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': id,
        'token-secret': secret,
        expiration,
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': 'system:bootstrappers:bramble',
      },
    },
  });
  const caHash = computeCaHash(new X509Certificate(profile.caCertificate).raw);
  return { token: formatJoinToken({ caHash, id, secret }), id, expiration };
}

function randomWord(random: Random, length: number): string {
  return Array.from({ length }, () => ALPHABET[nextInt(random, ALPHABET.length)]).join('');
}
