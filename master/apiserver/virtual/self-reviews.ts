/** Who am I, what may I, and whose is this token. */
import { type SelfSubjectReview, SelfSubjectReviewSchema } from '../../../shared/api/authentication.ts';
import { type SelfSubjectRulesReview, SelfSubjectRulesReviewSchema } from '../../../shared/api/authorization.ts';
import { notImplemented } from '../endpoints/endpoint.ts';
import { GROUP, isInGroup, type UserInfo } from '../user-info.ts';
import { type TokenReview, TokenReviewSchema } from './review-schemas.ts';
import { readBody, servedVirtual, type VirtualResource } from './virtual-resource.ts';

const CREATE = ['create'] as const;

export const selfSubjectReviews: VirtualResource = {
  served: servedVirtual({
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    namespaced: false,
    verbs: CREATE,
  }),
  schema: SelfSubjectReviewSchema,
  async answer(services, context) {
    const review = readBody<SelfSubjectReview>(services, context, SelfSubjectReviewSchema);
    const body = { ...review, status: { userInfo: userInfoOf(context.user) } };
    return services.responder.value(context, body, 201);
  },
};

export const selfSubjectRulesReviews: VirtualResource = {
  served: servedVirtual({
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    namespaced: false,
    verbs: CREATE,
  }),
  schema: SelfSubjectRulesReviewSchema,
  async answer(services, context) {
    const review = readBody<SelfSubjectRulesReview>(services, context, SelfSubjectRulesReviewSchema);
    return services.responder.value(context, { ...review, status: rulesOf(context.user) }, 201);
  },
};

export const tokenReviews: VirtualResource = {
  served: servedVirtual({
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'TokenReview',
    plural: 'tokenreviews',
    namespaced: false,
    verbs: CREATE,
  }),
  schema: TokenReviewSchema,
  async answer(services, context) {
    const { authenticateToken, responder } = services;
    const review = readBody<TokenReview>(services, context, TokenReviewSchema);
    if (authenticateToken === undefined) throw notImplemented('reviewing tokens');
    const { token = '', audiences = [] } = review.spec;
    const found = await authenticateToken(token, audiences);
    const status =
      found === undefined
        ? { authenticated: false, user: {}, error: 'the token is not valid' }
        : { authenticated: true, user: userInfoOf(found.user), audiences: [...found.audiences] };
    return responder.value(context, { ...review, status }, 201);
  },
};

function userInfoOf({ name, uid, groups, extra }: UserInfo): object {
  return {
    username: name,
    ...(uid === '' ? {} : { uid }),
    groups: [...groups],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** What can be said without knowing names: administrators may do all, others ask themselves and look around. */
function rulesOf(user: UserInfo): object {
  const all = ['*'];
  if (isInGroup(user, GROUP.masters)) {
    return {
      resourceRules: [{ verbs: all, apiGroups: all, resources: all }],
      nonResourceRules: [{ verbs: all, nonResourceURLs: all }],
      incomplete: false,
    };
  }
  const selfReviews = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'];
  return {
    resourceRules: [
      { verbs: CREATE, apiGroups: ['authorization.k8s.io'], resources: selfReviews },
      { verbs: CREATE, apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    ],
    nonResourceRules: [
      {
        verbs: ['get'],
        nonResourceURLs: [
          '/healthz',
          '/livez',
          '/readyz',
          '/version',
          '/api',
          '/api/*',
          '/apis',
          '/apis/*',
          '/openapi/*',
        ],
      },
    ],
    incomplete: isInGroup(user, GROUP.nodes),
  };
}
