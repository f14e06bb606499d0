/**
 * A board whose certificate has ended while it was off. It may ask for a new certificate and for nothing else, as with a join
 * token; whether it gets one is the certificate controller's decision.
 */
import type { Client } from '../../../shared/client/client.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { ReturnProofError, readReturnProof } from '../../../shared/protocol/returning-node.ts';
import { GROUP, type UserInfo } from '../../apiserver/user-info.ts';
import { userOfCertificate } from './client-certificate.ts';
import { refuseReplaced } from './replaced-identities.ts';
import { unauthorized } from './unauthorized.ts';

export interface ReturningNodeOptions {
  client: Pick<Client, 'get'>;
  /** PEM of the cluster's CA. */
  ca: string;
  clock: Pick<Clock, 'nowMs'>;
}

const NODE_USER = /^system:node:(.+)$/;

/** Rejects with Unauthorized. */
export async function userOfReturningNode(
  { client, ca, clock }: ReturningNodeOptions,
  proof: string,
): Promise<UserInfo> {
  try {
    const certificate = readReturnProof(proof, { ca, nowMs: clock.nowMs() });
    const { name, groups } = userOfCertificate(certificate);
    const node = NODE_USER.exec(name)?.[1];
    if (node === undefined || !groups.includes(GROUP.nodes)) throw unauthorized('only boards return');
    await refuseReplaced(client, name, certificate);
    const asNewcomer = [GROUP.bootstrappers, GROUP.authenticated];
    return { name: `system:returning:${node}`, uid: '', groups: asNewcomer, extra: {} };
  } catch (error) {
    if (error instanceof ReturnProofError) throw unauthorized(error.message);
    throw error;
  }
}
