/**
 * CertificateSigningRequests: who asked is the server's to say; the request never changes; decisions go through /approval,
 * the certificate through /status.
 */
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../../shared/api/certificate-signing-request.ts';
import type { FieldError } from '../../../shared/machinery/errors.ts';
import type { Strategy } from '../registry/strategy.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';

const CSR = { kind: 'CertificateSigningRequest' };

const DECISIONS: readonly string[] = ['Approved', 'Denied'];

export const csrStrategy: Strategy = {
  hasGeneration: false,
  prepareCreate(object, { user }) {
    const { spec } = asCsr(object);
    if (spec === undefined) return;
    spec.username = user.name;
    spec.uid = user.uid;
    spec.groups = [...user.groups];
    spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
  },
  prepareUpdate(object, old) {
    object['spec'] = old['spec'];
  },
  prepareStatus(object, sent, old, { subresource }) {
    const wanted = asCsr(sent).status;
    const before = asCsr(old).status;
    const conditions = wanted.conditions ?? [];
    object['status'] =
      subresource === 'approval'
        ? { ...before, conditions }
        : { ...wanted, conditions: [...decisionsOf(before.conditions), ...conditions.filter(isNoDecision)] };
  },
  validateStatus: (object, old) => [...contradiction(object), ...takenBack(object, old)],
};

function asCsr(object: ApiObject): CertificateSigningRequest {
  return asKind<CertificateSigningRequest>(CSR, object);
}

function decisionsOf(
  conditions: readonly CertificateSigningRequestCondition[] = [],
): CertificateSigningRequestCondition[] {
  return conditions.filter((condition) => !isNoDecision(condition));
}

function isNoDecision({ type }: CertificateSigningRequestCondition): boolean {
  return !DECISIONS.includes(type);
}

function contradiction(object: ApiObject): FieldError[] {
  const types = (asCsr(object).status.conditions ?? []).map(({ type }) => type);
  if (!types.includes('Approved') || !types.includes('Denied')) return [];
  const message = 'Invalid value: "Denied": Approved and Denied conditions are mutually exclusive';
  return [{ type: 'invalid', field: 'status.conditions', message }];
}

function takenBack(object: ApiObject, old: ApiObject): FieldError[] {
  const types = new Set((asCsr(object).status.conditions ?? []).map(({ type }) => type));
  return decisionsOf(asCsr(old).status.conditions)
    .filter(({ type }) => !types.has(type))
    .map(({ type }) => ({
      type: 'forbidden',
      field: 'status.conditions',
      message: `Forbidden: updates may not remove a condition of type ${JSON.stringify(type)}`,
    }));
}
