/** Bodies of reviews that components ask on behalf of others. Source: Kubernetes API reference, authorization and authentication. */
import type { Static } from 'typebox';
import { UserInfoSchema } from '../../../shared/api/authentication.ts';
import {
  NonResourceAttributesSchema,
  ResourceAttributesSchema,
  SubjectAccessReviewStatusSchema,
} from '../../../shared/api/authorization.ts';
import { bool, defaulted, object, ref, required, str, stringListMap, strings } from '../../../shared/schema/fields.ts';
import { ObjectMetaSchema } from '../../../shared/schema/object-meta.ts';

const metadata = () => defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} }));

const SubjectAccessReviewSpecSchema = object('SubjectAccessReviewSpec', 'The request in question, and whose it is', {
  resourceAttributes: ref(1, ResourceAttributesSchema, 'a request for objects'),
  nonResourceAttributes: ref(2, NonResourceAttributesSchema, 'a request for another path'),
  user: str(3, 'name of the user'),
  groups: strings(4, 'groups of the user'),
  extra: stringListMap(5, 'what else the authenticator knows'),
  uid: str(6, 'id of the user'),
});

export const SubjectAccessReviewSchema = object('SubjectAccessReview', 'Asks whether a user may do something', {
  apiVersion: defaulted(str(undefined, 'always authorization.k8s.io/v1')),
  kind: defaulted(str(undefined, 'SubjectAccessReview or LocalSubjectAccessReview')),
  metadata: metadata(),
  spec: required(ref(2, SubjectAccessReviewSpecSchema, 'the request in question')),
  status: ref(3, SubjectAccessReviewStatusSchema, 'the answer'),
});

export type SubjectAccessReview = Static<typeof SubjectAccessReviewSchema>;

const TokenReviewSpecSchema = object('TokenReviewSpec', 'The token in question', {
  token: str(1, 'the token'),
  audiences: strings(2, 'who wants to accept it'),
});

const TokenReviewStatusSchema = object('TokenReviewStatus', 'The answer', {
  authenticated: bool(1, 'whether the token is good'),
  user: ref(2, UserInfoSchema, 'whose it is'),
  audiences: strings(4, 'for whom it is good'),
  error: str(3, 'why it could not be checked'),
});

export const TokenReviewSchema = object('TokenReview', 'Asks whose a token is', {
  apiVersion: defaulted(str(undefined, 'always authentication.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always TokenReview')),
  metadata: metadata(),
  spec: required(ref(2, TokenReviewSpecSchema, 'the token in question')),
  status: ref(3, TokenReviewStatusSchema, 'the answer'),
});

export type TokenReview = Static<typeof TokenReviewSchema>;
