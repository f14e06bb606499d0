/**
 * Asks the master for the node's certificate and waits for it. The request's name follows from key and node, so that a join
 * that was interrupted is taken up again instead of doubled.
 */

import { createHash } from 'node:crypto';
import type { CertificateSigningRequest } from '../../shared/api/certificate-signing-request.ts';
import { CertificateSigningRequestRef } from '../../shared/api/kind-refs.ts';
import { BOARD_SERIAL } from '../../shared/api/node-identities.ts';
import type { Client } from '../../shared/client/client.ts';
import { isConditionTrue } from '../../shared/machinery/conditions.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../shared/platform/backoff.ts';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { Random } from '../../shared/platform/random.ts';
import { createCertificateRequest } from '../../shared/protocol/x509/certificate-request.ts';
import { IdentityError } from './identity-files.ts';

export interface CertificateRequestOptions {
  client: Client;
  node: string;
  /** PEM of the private key. */
  key: string;
  clock: Clock;
  random: Random;
  /** Serial number of the board, by which a flashed one is known again; empty: it has none. */
  serial?: string;
  /** The decision was left to a person: called once. */
  onWaiting?(): void;
  signal: AbortSignal;
}

const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

/** A request that an administrator has to look at may take days. */
const POLL: BackoffPolicy = { initialMs: 500, maxMs: 15_000, factor: 1.5, jitter: 0 };

/** A controller that decides by itself has done so by then: some seconds. */
const LOOKS_UNTIL_WAITING = 6;

/** PEM of the certificate. Rejects with IdentityError when refused, with a StatusError when the master does not answer. */
export async function requestCertificate(options: CertificateRequestOptions): Promise<string> {
  const { clock, random, signal, serial = '', onWaiting } = options;
  const request = createCertificateRequest(
    { commonName: `system:node:${options.node}`, organizations: ['system:nodes'] },
    options.key,
  );
  const name = `node-csr-${createHash('sha256').update(`${options.node}\0${options.key}`).digest('hex').slice(0, 32)}`;
  for (let looks = 0; ; looks += 1) {
    const current = (await find(options.client, name)) ?? (await create(options.client, { name, serial }, request));
    const certificate = current === undefined ? undefined : readDecision(current);
    if (certificate !== undefined) return certificate;
    if (looks === LOOKS_UNTIL_WAITING) onWaiting?.();
    await sleep(clock, computeBackoffMs(POLL, looks, random), signal);
  }
}

async function find(client: Client, name: string): Promise<CertificateSigningRequest | undefined> {
  try {
    return await client.get(CertificateSigningRequestRef, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** undefined: another try of ours was first. */
async function create(
  client: Client,
  { name, serial }: { name: string; serial: string },
  pem: string,
): Promise<CertificateSigningRequest | undefined> {
  try {
    return await client.create(CertificateSigningRequestRef, {
      metadata: { name, ...(serial === '' ? {} : { annotations: { [BOARD_SERIAL]: serial } }) },
      spec: {
        request: Buffer.from(pem).toString('base64'),
        signerName: SIGNER,
        usages: ['digital signature', 'client auth'],
      },
    });
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return undefined;
    throw error;
  }
}

/** The certificate, undefined while nobody has decided; throws when the answer is no. */
function readDecision({ metadata, status }: CertificateSigningRequest): string | undefined {
  if (status.certificate) return Buffer.from(status.certificate, 'base64').toString('utf8');
  const refusal = status.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (refusal === undefined || !isConditionTrue(status.conditions, refusal.type)) return undefined;
  throw new IdentityError(
    'denied',
    `the master refused this node a certificate (${metadata.name}): ${refusal.message || refusal.reason || refusal.type}`,
  );
}
