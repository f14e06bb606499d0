/** Checks of a CertificateSigningRequest: what is asked for never changes, and a decision is not taken back. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateDns1123Subdomain } from '../../machinery/names.ts';
import { complaintsAbout, invalidValue, requiredValue } from './field-error.ts';

interface RequestParts {
  spec: { request: string; signerName: string; usages?: readonly string[]; expirationSeconds?: number };
  status: { conditions?: readonly { type: string }[] };
}

/** Shorter-lived certificates would be renewed all the time. */
const MIN_EXPIRATION_SECONDS = 600;

const PEM = /^-----BEGIN CERTIFICATE REQUEST-----\s[\s\S]+-----END CERTIFICATE REQUEST-----\s*$/;

export function checkSigningRequest({ spec, status }: RequestParts, old?: RequestParts): FieldError[] {
  const types = new Set((status?.conditions ?? []).map(({ type }) => type));
  const errors = old === undefined && spec !== undefined ? checkSpec(spec) : [];
  if (old !== undefined && !jsonEqual(spec, old.spec)) {
    errors.push(invalidValue('spec', '', 'field is immutable'));
  }
  if (types.has('Approved') && types.has('Denied')) {
    errors.push(invalidValue('status.conditions', '', 'a request is approved or denied, not both'));
  }
  return errors;
}

function checkSpec({
  request = '',
  signerName = '',
  usages = [],
  expirationSeconds,
}: RequestParts['spec']): FieldError[] {
  const errors = checkSigner('spec.signerName', signerName);
  if (!PEM.test(Buffer.from(request, 'base64').toString('latin1'))) {
    errors.push(invalidValue('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST'));
  }
  if (usages.length === 0) errors.push(requiredValue('spec.usages', 'usages must be provided'));
  if (expirationSeconds !== undefined && expirationSeconds < MIN_EXPIRATION_SECONDS) {
    const why = `must be at least ${MIN_EXPIRATION_SECONDS}`;
    errors.push(invalidValue('spec.expirationSeconds', expirationSeconds, why));
  }
  return errors;
}

/** `domain/path`, such as kubernetes.io/kube-apiserver-client-kubelet. */
function checkSigner(field: string, signerName: string): FieldError[] {
  if (signerName === '') return [requiredValue(field)];
  const [domain = '', path, surplus] = signerName.split('/');
  if (!path || surplus !== undefined) {
    return [invalidValue(field, signerName, "must be a domain and a name, such as 'example.com/signer'")];
  }
  return complaintsAbout(field, signerName, validateDns1123Subdomain(domain));
}
