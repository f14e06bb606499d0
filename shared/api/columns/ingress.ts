/** Cells of an Ingress: its hosts and where it can be reached. */

const MAX_HOSTS = 3;

/** `a.example,b.example + 2 more...`; `*` where every host is meant. */
export function ingressHostsText({ rules = [] }: { rules?: readonly { host?: string }[] }): string {
  const hosts = rules.flatMap(({ host }) => (host ? [host] : []));
  if (hosts.length === 0) return '*';
  const more = hosts.length - MAX_HOSTS;
  return `${hosts.slice(0, MAX_HOSTS).join(',')}${more > 0 ? ` + ${more} more...` : ''}`;
}

export function loadBalancerText({
  ingress = [],
}: {
  ingress?: readonly { ip?: string; hostname?: string }[];
}): string {
  return [...new Set(ingress.map(({ ip, hostname }) => ip || hostname || ''))].filter(Boolean).sort().join(',');
}
