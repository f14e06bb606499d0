/** authorization.k8s.io: may I, may they. Asks the same authorizer that every request goes through. */

import type { Static } from 'typebox';
import {
  type NonResourceAttributesSchema,
  type ResourceAttributesSchema,
  type SelfSubjectAccessReview,
  SelfSubjectAccessReviewSchema,
} from '../../../shared/api/authorization.ts';
import { badRequest, invalid } from '../../../shared/machinery/errors.ts';
import { parseFieldSelector } from '../../../shared/machinery/field-selector.ts';
import { SelectorError } from '../../../shared/machinery/label-selector.ts';
import type { AuthorizationAttributes } from '../authorization/authorizer.ts';
import type { RequestContext } from '../request/request-context.ts';
import type { Services } from '../services.ts';
import type { UserInfo } from '../user-info.ts';
import { type SubjectAccessReview, SubjectAccessReviewSchema } from './review-schemas.ts';
import { readBody, servedVirtual, type VirtualResource } from './virtual-resource.ts';

const GROUP = { group: 'authorization.k8s.io', version: 'v1', verbs: ['create'] as const };

interface ReviewSpec {
  resourceAttributes?: Static<typeof ResourceAttributesSchema>;
  nonResourceAttributes?: Static<typeof NonResourceAttributesSchema>;
}

export const selfSubjectAccessReviews: VirtualResource = {
  served: servedVirtual({
    ...GROUP,
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    namespaced: false,
  }),
  schema: SelfSubjectAccessReviewSchema,
  async answer(services, context) {
    const review = readBody<SelfSubjectAccessReview>(services, context, SelfSubjectAccessReviewSchema);
    const status = await decide(services, context, { user: context.user, spec: review.spec });
    return services.responder.value(context, { ...review, status }, 201);
  },
};

export const subjectAccessReviews: VirtualResource = {
  served: servedVirtual({ ...GROUP, kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', namespaced: false }),
  schema: SubjectAccessReviewSchema,
  answer: (services, context) => answerForOther(services, context, ''),
};

export const localSubjectAccessReviews: VirtualResource = {
  served: servedVirtual({
    ...GROUP,
    kind: 'LocalSubjectAccessReview',
    plural: 'localsubjectaccessreviews',
    namespaced: true,
  }),
  schema: SubjectAccessReviewSchema,
  answer: (services, context) => answerForOther(services, context, context.info.namespace),
};

async function answerForOther(services: Services, context: RequestContext, namespace: string) {
  const review = readBody<SubjectAccessReview>(services, context, SubjectAccessReviewSchema);
  const { spec } = review;
  if (namespace !== '' && spec.resourceAttributes?.namespace !== namespace) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
  const { user: name = '', uid = '', groups = [], extra = {} } = spec;
  if (name === '' && groups.length === 0) {
    const message = 'Invalid value: "": at least one of user or group must be specified';
    throw invalid(context.served, '', [{ type: 'invalid', field: 'spec.user', message }]);
  }
  const status = await decide(services, context, { user: { name, uid, groups, extra }, spec });
  return services.responder.value(context, { ...review, status }, 201);
}

async function decide(
  { authorize }: Services,
  { served }: RequestContext,
  { user, spec }: { user: UserInfo; spec: ReviewSpec },
): Promise<{ allowed: boolean; reason?: string }> {
  const attributes = attributesOf(user, spec);
  if (attributes === undefined) {
    const message = 'Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw invalid(served, '', [{ type: 'invalid', field: 'spec.resourceAttributes', message }]);
  }
  const decision = await authorize(attributes);
  if (decision === 'allow') return { allowed: true };
  return { allowed: false, ...(decision.deny === '' ? {} : { reason: decision.deny }) };
}

function attributesOf(user: UserInfo, spec: ReviewSpec): AuthorizationAttributes | undefined {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) return undefined;
  if (nonResourceAttributes !== undefined) {
    const { path = '', verb = '' } = nonResourceAttributes;
    return { user, request: { isResource: false, verb, path }, fieldSelector: [] };
  }
  const { verb = '', group = '', version = '', resource = '', subresource = '' } = resourceAttributes ?? {};
  const { namespace = '', name = '', fieldSelector } = resourceAttributes ?? {};
  return {
    user,
    request: { isResource: true, verb, path: '', group, version, resource, subresource, namespace, name },
    fieldSelector: parseSelector(fieldSelector?.rawSelector ?? ''),
  };
}

function parseSelector(text: string) {
  try {
    return parseFieldSelector(text);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(`invalid fieldSelector: ${error.message}`);
    throw error;
  }
}
