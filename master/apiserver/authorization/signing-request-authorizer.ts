/**
 * A board that joins, or renews, asks for its certificate and waits for it: it may create a CertificateSigningRequest and
 * read those that it made, one by one by name.
 */
import type { CertificateSigningRequest } from '../../../shared/api/certificate-signing-request.ts';
import type { ApiObject } from '../storage/api-object.ts';
import { asKind } from '../storage/api-object.ts';
import { GROUP, isInGroup, type UserInfo } from '../user-info.ts';
import type { AuthorizationAttributes, PartialAuthorizer } from './authorizer.ts';
import { requestedName } from './requested-name.ts';

/** Reads a stored CertificateSigningRequest by name. */
export type SigningRequestReader = (name: string) => Promise<ApiObject | undefined>;

export function createSigningRequestAuthorizer(read: SigningRequestReader): PartialAuthorizer {
  return async (attributes) => {
    const { user, request } = attributes;
    if (!mayAsk(user) || !isSigningRequest(attributes)) return undefined;
    if (request.verb === 'create') return 'allow';
    const name = isRead(request.verb) ? requestedName(attributes) : undefined;
    if (name === undefined) return undefined;
    const found = await read(name);
    // What does not exist is nobody's secret: the answer will be NotFound.
    return found === undefined || wasMadeBy(found, user) ? 'allow' : undefined;
  };
}

function mayAsk(user: UserInfo): boolean {
  return isInGroup(user, GROUP.bootstrappers) || isInGroup(user, GROUP.nodes);
}

function isSigningRequest({ request }: AuthorizationAttributes): boolean {
  if (!request.isResource || request.subresource !== '') return false;
  return request.group === 'certificates.k8s.io' && request.resource === 'certificatesigningrequests';
}

function isRead(verb: string): boolean {
  return verb === 'get' || verb === 'list' || verb === 'watch';
}

function wasMadeBy(object: ApiObject, user: UserInfo): boolean {
  return asKind<CertificateSigningRequest>({ kind: 'CertificateSigningRequest' }, object).spec.username === user.name;
}
