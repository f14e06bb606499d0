/**
 * Certificates by host name, from the Secrets that Ingresses name. Made into contexts when the first client asks, and again
 * when the Secret changes. Bounded: Secrets that are looked after.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Ingress } from '../../shared/api/ingress.ts';
import type { Secret } from '../../shared/api/secret.ts';
import type { Logger } from '../../shared/platform/logger.ts';

/** One Secret that is followed. */
export interface SecretHandle {
  /** undefined: it is not there, or not known yet. */
  get(): Secret | undefined;
  retryNow(): void;
  stop(): Promise<void>;
}

export interface CertificatesOptions {
  /** `key`: `namespace/name`. */
  open(key: string): SecretHandle;
  logger: Logger;
}

/** Each is a stream of the link to the master, which has 128. */
export const MAX_SECRETS = 24;

interface Made {
  resourceVersion: string;
  context: SecureContext | undefined;
}

export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #handles = new Map<string, SecretHandle>();
  readonly #made = new Map<string, Made>();
  #keys: ReadonlyMap<string, string> = new Map();

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /** Hosts for which a Secret is named, with wildcards; `` where all are meant. */
  get hosts(): readonly string[] {
    return [...this.#keys.keys()];
  }

  async setIngresses(ingresses: readonly Ingress[]): Promise<void> {
    this.#keys = computeSecretKeys(ingresses);
    const wanted = new Set([...new Set(this.#keys.values())].slice(0, MAX_SECRETS));
    for (const key of wanted) if (!this.#handles.has(key)) this.#handles.set(key, this.#options.open(key));
    for (const [key, handle] of [...this.#handles]) {
      if (wanted.has(key)) continue;
      this.#handles.delete(key);
      this.#made.delete(key);
      await handle.stop();
    }
  }

  /** undefined: there is none for that name. */
  find(name: string): SecureContext | undefined {
    for (const host of [name, `*${name.slice(name.indexOf('.'))}`, '']) {
      const key = this.#keys.get(host);
      const context = key === undefined ? undefined : this.#contextOf(key);
      if (context !== undefined) return context;
    }
    return undefined;
  }

  retryNow(): void {
    for (const handle of this.#handles.values()) handle.retryNow();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#handles.values()].map((handle) => handle.stop()));
    this.#handles.clear();
  }

  #contextOf(key: string): SecureContext | undefined {
    const secret = this.#handles.get(key)?.get();
    if (secret === undefined) return undefined;
    const { resourceVersion } = secret.metadata;
    const made = this.#made.get(key);
    if (made?.resourceVersion === resourceVersion) return made.context;
    const context = this.#make(key, secret);
    this.#made.set(key, { resourceVersion, context });
    return context;
  }

  #make(key: string, { data = {} }: Secret): SecureContext | undefined {
    try {
      const read = (name: string): Buffer => Buffer.from(data[name] ?? '', 'base64');
      return createSecureContext({ cert: read('tls.crt'), key: read('tls.key'), minVersion: 'TLSv1.2' });
    } catch (error) {
      this.#options.logger.warn('a Secret holds no usable certificate', { secret: key, error });
      return undefined;
    }
  }
}

/** By host; the first Ingress that names a Secret for it. Hosts of the rules count where none are named. */
export function computeSecretKeys(ingresses: readonly Ingress[]): Map<string, string> {
  const keys = new Map<string, string>();
  for (const { metadata, spec } of ingresses) {
    for (const { hosts = [], secretName } of spec.tls ?? []) {
      if (!secretName) continue;
      const named = hosts.length > 0 ? hosts : (spec.rules ?? []).map(({ host = '' }) => host);
      for (const host of named.length > 0 ? named : ['']) {
        const name = host.toLowerCase();
        if (!keys.has(name)) keys.set(name, `${metadata.namespace ?? ''}/${secretName}`);
      }
    }
  }
  return keys;
}
