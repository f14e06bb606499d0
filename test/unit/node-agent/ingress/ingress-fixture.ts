/** Ingresses in short, for tests. */
import type { HTTPIngressPath, Ingress } from '../../../../shared/api/ingress.ts';

export interface IngressInShort {
  /** `host/path` to `service:port`; `=` before the path means exact. */
  rules?: Readonly<Record<string, string>>;
  fallback?: string;
  tls?: Ingress['spec']['tls'];
  annotations?: Record<string, string>;
  className?: string;
  created?: string;
}

export function ingress(key: string, short: IngressInShort): Ingress {
  const [namespace = '', name = ''] = key.split('/');
  const { rules = {}, fallback, tls, annotations, className, created = '2026-01-01T00:00:00Z' } = short;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      ...{ namespace, name, uid: key, resourceVersion: '1', creationTimestamp: created },
      ...(annotations ? { annotations } : {}),
    },
    spec: {
      ...(className ? { ingressClassName: className } : {}),
      ...(fallback ? { defaultBackend: backend(fallback) } : {}),
      ...(tls ? { tls } : {}),
      rules: Object.entries(rules).map(([place, target]) => {
        const [, host = '', exact, path = ''] = /^([^/=]*)(=?)(.*)$/.exec(place) ?? [];
        const pathType: HTTPIngressPath['pathType'] = exact === '=' ? 'Exact' : 'Prefix';
        return {
          ...(host ? { host } : {}),
          http: { paths: [{ path: path || '/', pathType, backend: backend(target) }] },
        };
      }),
    },
    status: { loadBalancer: {} },
  };
}

function backend(text: string): HTTPIngressPath['backend'] {
  const [name = '', port = ''] = text.split(':');
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}
