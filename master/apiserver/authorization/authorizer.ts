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

/** One link of the chain; undefined has no opinion. */
export type PartialAuthorizer = (
  attributes: AuthorizationAttributes,
) => Decision | undefined | Promise<Decision | undefined>;

/** The first opinion counts; without one the answer is no. */
export function chainAuthorizers(links: readonly PartialAuthorizer[]): Authorizer {
  return async (attributes) => {
    for (const link of links) {
      const decision = await link(attributes);
      if (decision !== undefined) return decision;
    }
    return { deny: '' };
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
