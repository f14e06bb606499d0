/** Secrets that Ingresses name for TLS: every node serves all Ingresses, and so may read these. */
import type { Ingress } from '../../../shared/api/ingress.ts';
import type { Services } from '../services.ts';
import { asKind } from '../storage/api-object.ts';

/** Names of the Secrets in a namespace. */
export type TlsSecretReader = (namespace: string) => Promise<ReadonlySet<string>>;

/** Few, and looked at only when nothing else explains a request. */
export function tlsSecretReader({ objects, kindOf }: Pick<Services, 'objects' | 'kindOf'>): TlsSecretReader {
  const kind = kindOf('networking.k8s.io', 'Ingress');
  if (kind === undefined) return async () => new Set();
  return async (namespace) => {
    const { items } = await objects.list(kind, { namespace });
    const specs = items.map(({ object }) => asKind<Ingress>(kind, object).spec);
    return new Set(specs.flatMap(({ tls = [] }) => tls.flatMap(({ secretName }) => secretName ?? [])));
  };
}
