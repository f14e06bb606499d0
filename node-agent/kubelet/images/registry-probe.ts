/** Whether this node reaches a registry (adapter: DNS and one connection). Only asked when a pull has failed, to say why. */
import { connect } from 'node:net';
import type { RegistryReach } from './pull-failure.ts';

const TIMEOUT_MS = 3_000;
const HTTPS_PORT = 443;

/** Docker's own registry answers at another name. */
const HUB = { domain: 'docker.io', host: 'registry-1.docker.io' };

/** `domain` as names of images have it: `docker.io`, `registry.local:5000`. */
export async function probeRegistry(domain: string): Promise<RegistryReach> {
  const { host, port } = splitDomain(domain);
  // Loaded when it is needed: hardly ever.
  const { lookup } = await import('node:dns/promises');
  const address = await lookup(host).then(
    (found) => found.address,
    () => undefined,
  );
  if (address === undefined) return 'unnamed';
  return (await answers(address, port)) ? 'reached' : 'silent';
}

function splitDomain(domain: string): { host: string; port: number } {
  const url = new URL(`https://${domain === HUB.domain ? HUB.host : domain}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || HTTPS_PORT) };
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const end = (isReached: boolean): void => {
      socket.destroy();
      resolve(isReached);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
