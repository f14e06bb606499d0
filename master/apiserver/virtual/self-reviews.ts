/** Who am I, what may I, and whose is this token. */
import { type SelfSubjectReview, SelfSubjectReviewSchema } from '../../../shared/api/authentication.ts';
import { type SelfSubjectRulesReview, SelfSubjectRulesReviewSchema } from '../../../shared/api/authorization.ts';
import { badRequest } from '../../../shared/machinery/errors.ts';
import { notImplemented } from '../endpoints/endpoint.ts';
import type { Services } from '../services.ts';
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
    const { namespace = '' } = review.spec;
    if (namespace === '') throw badRequest('no namespace on request');
    const status = await rulesOf(services, context.user, namespace);
    return services.responder.value(context, { ...review, status }, 201);
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

/** What roles say; what nodes may do besides depends on their pods. */
async function rulesOf({ rules }: Services, user: UserInfo, namespace: string): Promise<object> {
  const grants = (await rules?.grantsOf(user, namespace)) ?? [];
  const all = grants.flatMap((grant) => grant.rules);
  const missing = [...new Set(grants.flatMap((grant) => grant.missing ?? []))];
  return {
    resourceRules: all
      .filter(({ resources }) => resources !== undefined && resources.length > 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames && resourceNames.length > 0 ? { resourceNames } : {}),
      })),
    nonResourceRules: all
      .filter(({ nonResourceURLs }) => nonResourceURLs !== undefined && nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: rules === undefined || isInGroup(user, GROUP.nodes),
    ...(missing.length === 0 ? {} : { evaluationError: missing.join(', ') }),
  };
}
