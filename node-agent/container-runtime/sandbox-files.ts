/**
 * The hosts and resolv.conf of a sandbox whose port the node makes (adapter: files beside the engine's own of that sandbox, so
 * that they go with it). All containers of the sandbox have them mounted.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount, SandboxConfig } from './runtime.ts';
import { renderResolvConf } from './sandbox-resolver.ts';

/** The second has the real servers where the first names only a resolver on the node itself, which pods cannot reach. */
const NODE_RESOLVERS: readonly string[] = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** What every machine calls itself and its neighbours. Source: hosts(5), Debian's own file. */
const COMMON_HOSTS: readonly string[] = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'ff00::0\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

const FILES = { hosts: '/etc/hosts', 'resolv.conf': '/etc/resolv.conf' } as const;

export function renderHosts(config: SandboxConfig, addresses: readonly string[]): string {
  const { hostname, domainname, hostAliases } = config;
  const names = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`;
  return [
    ...COMMON_HOSTS,
    ...addresses.map((address) => `${address}\t${names}`),
    ...hostAliases.map(({ ip, hostnames }) => `${ip}\t${hostnames.join(' ')}`),
    '',
  ].join('\n');
}

/** `nodeResolver` is the text of the node's own file: for pods that want it, and for those that were given no server. */
export function renderSandboxResolver(dns: SandboxConfig['dns'], nodeResolver: string): string {
  const lines = nodeResolver.split('\n').filter((line) => !isLoopbackServer(line));
  if (dns === undefined) return lines.join('\n');
  if (dns.servers.length > 0) return renderResolvConf(dns);
  const servers = lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return renderResolvConf({ ...dns, servers });
}

export async function writeSandboxFiles(
  folder: string,
  config: SandboxConfig,
  addresses: readonly string[],
): Promise<void> {
  const { dns } = config;
  const nodeResolver = dns === undefined || dns.servers.length === 0 ? await readNodeResolver() : '';
  await Promise.all([
    writePublic(join(folder, 'hosts'), renderHosts(config, addresses)),
    writePublic(join(folder, 'resolv.conf'), renderSandboxResolver(dns, nodeResolver)),
  ]);
}

/** For every user of the pod, whatever the agent's umask. */
async function writePublic(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o644);
}

/** What the pod mounts there itself comes before ours. */
export function mountsOfSandboxFiles(folder: string, own: readonly Mount[], readOnly: boolean): Mount[] {
  const taken = new Set(own.map(({ containerPath }) => containerPath));
  return Object.entries(FILES)
    .filter(([, containerPath]) => !taken.has(containerPath))
    .map(([name, containerPath]) => ({
      hostPath: join(folder, name),
      containerPath,
      readOnly,
      recursiveReadOnly: false,
      propagation: 'private',
    }));
}

/** Whether the process of that id on this machine is one of the container: its control groups are named after the container. */
export async function isProcessOf(pid: number, containerId: string): Promise<boolean> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return groups.includes(containerId);
}

async function readNodeResolver(): Promise<string> {
  let text = '';
  for (const path of NODE_RESOLVERS) {
    text = (await readFile(path, 'utf8').catch(() => '')) || text;
    const servers = text.split('\n').filter((line) => /^\s*nameserver\s/.test(line));
    if (!servers.every(isLoopbackServer)) break;
  }
  return text;
}

function isLoopbackServer(line: string): boolean {
  return /^\s*nameserver\s+(127\.|::1\s*$)/.test(line);
}
