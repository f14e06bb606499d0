/**
 * Certificates of people and their programs, for the API: signed when somebody has approved them, never by themselves. Source:
 * Kubernetes, "Certificates and Certificate Signing Requests", signer kubernetes.io/kube-apiserver-client.
 */
import {
  type CertificateSigningRequest,
  CertificateSigningRequestKind,
} from '../../../shared/api/certificate-signing-request.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { CertificateRequestError, parseCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import type { CertificateSigner } from './controller.ts';

export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

/** A certificate cannot be taken back: what it must not say is refused, whoever has approved it. */
const REFUSED_GROUPS: readonly string[] = ['system:masters', 'system:nodes'];

const REQUIRED_USAGE = 'client auth';
const ALLOWED_USAGES: ReadonlySet<string> = new Set(['digital signature', 'key encipherment', REQUIRED_USAGE]);

export function createClientSigner(
  environment: Environment,
  { certificateSigningRequests }: Informers,
  sign: CertificateSigner,
): Component {
  const { client, clock } = environment;
  const controller = new SyncedController({
    ...environment,
    name: 'client-certificate-signing',
    informers: [certificateSigningRequests],
    async reconcile(key) {
      const csr = certificateSigningRequests.get(key);
      if (csr === undefined || !isWaiting(csr)) return;
      const complaint = complaintAbout(csr);
      const now = formatTime(clock.nowMs());
      const status = complaint === undefined ? await signed(csr, sign) : failed(csr, complaint, now);
      await unlessNotFound(client.update(CertificateSigningRequestKind, { ...csr, status }, 'status'));
    },
  });
  certificateSigningRequests.onChange((key) => controller.enqueue(key));
  return controller;
}

function isWaiting({ spec, status }: CertificateSigningRequest): boolean {
  const has = (type: string): boolean => getCondition(status.conditions, type) !== undefined;
  return spec.signerName === CLIENT_SIGNER && status.certificate === undefined && has('Approved') && !has('Failed');
}

/** Undefined: the request may be signed. */
export function complaintAbout({ spec }: Pick<CertificateSigningRequest, 'spec'>): string | undefined {
  const usages = spec.usages ?? [];
  if (!usages.includes(REQUIRED_USAGE) || usages.some((usage) => !ALLOWED_USAGES.has(usage))) {
    return `usages must be "${REQUIRED_USAGE}", with "digital signature" and "key encipherment" if wanted`;
  }
  try {
    const { subject } = parseCertificateRequest(pemOf(spec));
    const refused = subject.organizations.find((group) => REFUSED_GROUPS.includes(group));
    if (refused !== undefined) return `certificates for the group ${refused} are not signed`;
    return subject.commonName === '' ? 'the common name, which is the name of the user, is missing' : undefined;
  } catch (error) {
    if (error instanceof CertificateRequestError) return error.message;
    throw error;
  }
}

function pemOf({ request }: CertificateSigningRequest['spec']): string {
  return Buffer.from(request, 'base64').toString('utf8');
}

async function signed(
  csr: CertificateSigningRequest,
  sign: CertificateSigner,
): Promise<CertificateSigningRequest['status']> {
  const { expirationSeconds } = csr.spec;
  const validity = expirationSeconds === undefined ? {} : { validityMs: expirationSeconds * 1000 };
  const pem = await sign(pemOf(csr.spec), { usages: [REQUIRED_USAGE], ...validity });
  return { ...csr.status, certificate: Buffer.from(pem).toString('base64') };
}

function failed(csr: CertificateSigningRequest, message: string, now: string): CertificateSigningRequest['status'] {
  const times = { lastUpdateTime: now, lastTransitionTime: now };
  const failure = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message, ...times } as const;
  return { ...csr.status, conditions: [...(csr.status.conditions ?? []), failure] };
}
