/** Boards that ask for their certificate and wait for somebody to decide. Pure. */
import type { CertificateSigningRequest } from '../../../shared/api/certificate-signing-request.ts';
import { CertificateRequestError, parseCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { shorten } from './text.ts';
import type { RequestView } from './view-types.ts';

const KUBELET_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const NODE_USER_PREFIX = 'system:node:';

/** Undefined for requests that are decided or are no board's. */
export function computeRequest({ metadata, spec, status }: CertificateSigningRequest): RequestView | undefined {
  if (spec.signerName !== KUBELET_SIGNER || (status.conditions ?? []).length > 0) return undefined;
  const node = nodeOf(spec.request);
  if (node === undefined) return undefined;
  return { name: metadata.name, node, askedBy: shorten(spec.username), createdAt: metadata.creationTimestamp };
}

function nodeOf(request: string): string | undefined {
  try {
    const { commonName } = parseCertificateRequest(Buffer.from(request, 'base64').toString('utf8')).subject;
    return commonName.startsWith(NODE_USER_PREFIX) ? shorten(commonName.slice(NODE_USER_PREFIX.length)) : undefined;
  } catch (error) {
    if (error instanceof CertificateRequestError) return undefined;
    throw error;
  }
}
