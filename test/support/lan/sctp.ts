/** SCTP in the networks of pods: by raw sockets (perl-base, which every Debian has), as not every kernel has SCTP's own. */
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { LanCluster } from './lan-cluster.ts';

const PROGRAM = ['perl', join(import.meta.dirname, 'sctp.pl')];

/** Answers with the name of its pod. */
export async function startSctpServer(cluster: LanCluster, pod: string, port: string): Promise<void> {
  await cluster.spawnInPod(pod, ...PROGRAM, 'serve', port, pod);
}

/** Name of the pod that answers; empty: nobody does. */
export async function beginSctp(cluster: LanCluster, pod: string, address: string, port: string): Promise<string> {
  const { stdout } = await cluster.spawnInPod(pod, ...PROGRAM, 'begin', address, port);
  return stdout === null ? '' : (await text(stdout)).trim();
}
