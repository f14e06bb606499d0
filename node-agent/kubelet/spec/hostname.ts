/**
 * Pure: how a pod calls itself. Source: Kubernetes documentation, "DNS for Services and Pods", the parts about hostname,
 * subdomain, setHostnameAsFQDN and hostnameOverride.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { ConfigError } from './config-reader.ts';

/** A label of DNS, which the short name must be. */
const MAX_LABEL_CHARS = 63;
/** Linux takes no longer host names. */
const MAX_HOSTNAME_CHARS = 64;

export interface PodHostname {
  hostname: string;
  /** Empty: none. */
  domainname: string;
}

/** Throws ConfigError when the full name is longer than a host name may be. */
export function computeHostname({ metadata, spec }: Pod, clusterDomain: string): PodHostname {
  if (spec.hostnameOverride) return { hostname: spec.hostnameOverride, domainname: '' };
  const hostname = cut(spec.hostname || metadata.name);
  const { subdomain } = spec;
  if (!subdomain) return { hostname, domainname: '' };
  const domainname = `${subdomain}.${metadata.namespace ?? ''}.svc.${clusterDomain}`;
  if (!spec.setHostnameAsFQDN) return { hostname, domainname };
  const fqdn = `${hostname}.${domainname}`;
  if (fqdn.length <= MAX_HOSTNAME_CHARS) return { hostname: fqdn, domainname: '' };
  throw new ConfigError(
    `Failed to construct FQDN from Pod hostname and cluster domain, FQDN ${fqdn} is too long ` +
      `(${MAX_HOSTNAME_CHARS} characters is the max, ${fqdn.length} characters requested)`,
  );
}

/** A name that is cut may not end in a dash or a dot. */
function cut(name: string): string {
  return name.slice(0, MAX_LABEL_CHARS).replace(/[-.]+$/, '');
}
