/** Rights that need no look at the store: administrators, public paths, everybody's own questions. */
import { GROUP, isInGroup } from '../user-info.ts';
import type { PartialAuthorizer } from './authorizer.ts';

/** Members of system:masters may do everything. */
export const masterAuthorizer: PartialAuthorizer = ({ user }) => (isInGroup(user, GROUP.masters) ? 'allow' : undefined);

const PUBLIC_PATH = /^\/(healthz|livez|readyz|version)(\/|$)/;
const DISCOVERY_PATH = /^\/(api|apis|openapi)(\/|$)/;

/** Health and version are everybody's, discovery is for those who are known. */
export const pathAuthorizer: PartialAuthorizer = ({ user, request }) => {
  if (request.isResource || request.verb !== 'get') return undefined;
  if (PUBLIC_PATH.test(request.path)) return 'allow';
  return DISCOVERY_PATH.test(request.path) && isInGroup(user, GROUP.authenticated) ? 'allow' : undefined;
};

const SELF_REVIEWS: Readonly<Record<string, readonly string[]>> = {
  'authorization.k8s.io': ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  'authentication.k8s.io': ['selfsubjectreviews'],
};

/** Anyone who is known may ask who they are and what they may do. */
export const selfReviewAuthorizer: PartialAuthorizer = ({ user, request }) => {
  if (!request.isResource || request.verb !== 'create' || !isInGroup(user, GROUP.authenticated)) return undefined;
  return SELF_REVIEWS[request.group]?.includes(request.resource) ? 'allow' : undefined;
};
