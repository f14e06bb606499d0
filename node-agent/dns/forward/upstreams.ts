/** Pure: whom to ask about the names of others, from the board's resolv.conf(5). Whatever leads back to us is left out. */
import { isIP } from 'node:net';

export interface Upstream {
  /** An IPv6 address may name its interface: `fe80::1%eth0`. */
  address: string;
  port: number;
}

export interface ResolverFiles {
  /** Text of /etc/resolv.conf. */
  main: string;
  /** Text of the file in which systemd-resolved names the real servers. */
  systemd: string;
}

/** As resolv.conf(5) has it. */
const MAX_UPSTREAMS = 3;

const DNS_PORT = 53;

/** Where systemd-resolved answers on the machine itself. */
const SYSTEMD_STUBS: readonly string[] = ['127.0.0.53', '127.0.0.54'];

/** `own`: addresses of this name server. */
export function chooseUpstreams({ main, systemd }: ResolverFiles, own: readonly string[]): Upstream[] {
  const named = parseServers(main);
  const behindStub = parseServers(systemd).filter((address) => !SYSTEMD_STUBS.includes(address));
  // The stub would ask the same servers, and it may itself have been told to ask us.
  const servers = named.flatMap((address) =>
    SYSTEMD_STUBS.includes(address) && behindStub.length > 0 ? behindStub : [address],
  );
  return [...new Set(servers)]
    .filter((address) => !own.includes(address))
    .slice(0, MAX_UPSTREAMS)
    .map((address) => ({ address, port: DNS_PORT }));
}

function parseServers(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [word, address = ''] = line.trim().split(/\s+/);
    return word === 'nameserver' && isIP(address.split('%')[0] ?? '') !== 0 ? [address] : [];
  });
}
