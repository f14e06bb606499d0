/**
 * A board that was off for so long that its certificate has ended asks for a new one: it shows the old certificate and that it
 * has its key, at the master's time. The master may leave the decision to an administrator; that is waited for.
 */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { makeReturnProof } from '../../shared/protocol/returning-node.ts';
import { askOverBootstrap } from './bootstrap-session.ts';
import { askMasterTime } from './master-time.ts';
import type { NodeIdentity } from './node-identity.ts';
import type { MasterAddress } from './presented-ca.ts';

export interface ReturnOptions {
  node: string;
  serial: string;
  master: MasterAddress;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Whether the certificate has ended at that time. */
export function hasEnded({ certificate }: Pick<NodeIdentity, 'certificate'>, nowMs: number): boolean {
  return new X509Certificate(certificate).validToDate.getTime() <= nowMs;
}

/** PEM of the certificate for `key`. Rejects with IdentityError where trying again does not help. */
export async function returnToCluster(
  options: ReturnOptions,
  identity: NodeIdentity,
  { key, signal }: { key: string; signal: AbortSignal },
): Promise<string> {
  const { nowMs } = await askMasterTime(options.master, new X509Certificate(identity.ca));
  const password = makeReturnProof(identity, nowMs);
  const refusal = 'the master does not take this board back: remove the identity folder and join anew with a token';
  return askOverBootstrap({ ...options, ca: identity.ca, password, refusal, key, signal });
}
