/** May this user do this? One question, one answer; a chain asks several authorizers until one has an opinion. */
import { StatusError } from '../../../shared/machinery/errors.ts';
import type { FieldRequirement } from '../../../shared/machinery/field-selector.ts';
import type { Selector } from '../../../shared/machinery/label-selector.ts';
import type { PathRequestInfo, ResourceRequestInfo } from '../request/request-info.ts';
import type { UserInfo } from '../user-info.ts';

/** Like what was read from a request; a review may ask about any verb, `*` and `impersonate` included. */
export type AuthorizedResource = Omit<ResourceRequestInfo, 'verb'> & { verb: string };

export interface AuthorizationAttributes {
  user: UserInfo;
  request: PathRequestInfo | AuthorizedResource;
  /** Of a list or watch, so that a right can be limited to what is selected. */
  fieldSelector: readonly FieldRequirement[];
  /** The same by labels; absent where nothing is selected. */
  labelSelector?: Selector;
}

export type Decision = 'allow' | { deny: string };

/** `reason` of a denial is shown to the user; empty when there is nothing to say. */
export type Authorizer = (attributes: AuthorizationAttributes) => Decision | Promise<Decision>;

/** One link of the chain; undefined has no opinion, and a denial says why this one does not allow it: another may. */
export type PartialAuthorizer = (
  attributes: AuthorizationAttributes,
) => Decision | undefined | Promise<Decision | undefined>;

/** The first that allows counts; otherwise the answer is no, with the reasons of all. */
export function chainAuthorizers(links: readonly PartialAuthorizer[]): Authorizer {
  return async (attributes) => {
    const reasons: string[] = [];
    for (const link of links) {
      const decision = await link(attributes);
      if (decision === 'allow') return decision;
      if (decision !== undefined && decision.deny !== '') reasons.push(decision.deny);
    }
    return { deny: reasons.join('\n') };
  };
}

/** 403 in upstream's words: `User "x" cannot list resource "pods" in API group "" in the namespace "y"`. */
export function forbiddenError({ user, request }: AuthorizationAttributes, reason: string): StatusError {
  const suffix = reason === '' ? '' : `: ${reason}`;
  if (!request.isResource) {
    const message = `forbidden: User "${user.name}" cannot ${request.verb} path "${request.path}"${suffix}`;
    return new StatusError('Forbidden', message, {});
  }
  const { group, resource, subresource, namespace, name, verb } = request;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const target = subresource === '' ? resource : `${resource}/${subresource}`;
  const subject = `${group === '' ? resource : `${resource}.${group}`}${name === '' ? '' : ` "${name}"`}`;
  const sentence = `User "${user.name}" cannot ${verb} resource "${target}" in API group "${group}" ${scope}`;
  return new StatusError('Forbidden', `${subject} is forbidden: ${sentence}${suffix}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: resource,
  });
}
