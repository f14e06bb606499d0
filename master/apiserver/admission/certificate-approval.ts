/**
 * Who decides on a request for a certificate needs the right for its signer: to decide is to hand out an identity. Source:
 * Kubernetes, "Certificates and Certificate Signing Requests", authorization; admission plugin CertificateApproval.
 */
import type { CertificateSigningRequest } from '../../../shared/api/certificate-signing-request.ts';
import { forbidden } from '../../../shared/machinery/errors.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import { asKind } from '../storage/api-object.ts';
import type { UserInfo } from '../user-info.ts';
import type { AdmissionStep } from './admission.ts';

const GROUP = 'certificates.k8s.io';

export function createCertificateApproval(authorize: Authorizer): AdmissionStep {
  return async ({ call, old }) => {
    const { kind, subresource, user } = call;
    if (kind.group !== GROUP || subresource !== 'approval' || old === undefined) return;
    const { signerName } = asKind<CertificateSigningRequest>({ kind: 'CertificateSigningRequest' }, old).spec;
    if (await mayApprove(authorize, user, signerName)) return;
    const why = `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`;
    throw forbidden(kind, call.name, why);
  };
}

/** By the signer's name, or by all names of its domain: `example.com/*`. */
async function mayApprove(authorize: Authorizer, user: UserInfo, signerName: string): Promise<boolean> {
  for (const name of [signerName, `${signerName.split('/')[0] ?? ''}/*`]) {
    const rest = { path: '', group: GROUP, version: 'v1', subresource: '', namespace: '' };
    const request = { isResource: true as const, verb: 'approve', resource: 'signers', name, ...rest };
    if ((await authorize({ user, request, fieldSelector: [] })) === 'allow') return true;
  }
  return false;
}
