/**
 * Bodies of authentication requests: a token for a service account, and who am I. Source: Kubernetes API reference,
 * authentication.k8s.io/v1.
 */
import type { Static } from 'typebox';
import { defaulted, int64, object, ref, required, str, stringListMap, strings, time } from '../schema/fields.ts';
import { PartialObjectMetaSchema } from './partial-object-meta.ts';

export const BoundObjectReferenceSchema = object('BoundObjectReference', 'The token dies with this object', {
  kind: str(1, 'Pod or Secret'),
  apiVersion: str(2, 'group and version of the object'),
  name: str(3, 'name of the object'),
  uid: str(4, 'uid of the object'),
});

export type BoundObjectReference = Static<typeof BoundObjectReferenceSchema>;

export const TokenRequestSpecSchema = object('TokenRequestSpec', 'What is asked for', {
  audiences: strings(1, 'who shall accept the token'),
  expirationSeconds: defaulted(int64(4, 'wanted life of the token', { default: 3600 })),
  boundObjectRef: ref(3, BoundObjectReferenceSchema, 'object that the token dies with'),
});

export type TokenRequestSpec = Static<typeof TokenRequestSpecSchema>;

export const TokenRequestStatusSchema = object('TokenRequestStatus', 'The token', {
  token: required(str(1, 'the token')),
  expirationTimestamp: required(time(2, 'when it ends')),
});

export type TokenRequestStatus = Static<typeof TokenRequestStatusSchema>;

export const TokenRequestSchema = object('TokenRequest', 'Asks for a token of a service account', {
  apiVersion: defaulted(str(undefined, 'always authentication.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always TokenRequest')),
  metadata: defaulted(ref(1, PartialObjectMetaSchema, 'name of the service account', { default: {} })),
  spec: defaulted(ref(2, TokenRequestSpecSchema, 'what is asked for', { default: {} })),
  status: ref(3, TokenRequestStatusSchema, 'the token'),
});

export type TokenRequest = Static<typeof TokenRequestSchema>;

export const UserInfoSchema = object('UserInfo', 'Who somebody is', {
  username: str(1, 'name of the user'),
  uid: str(2, 'id of the user'),
  groups: strings(3, 'groups of the user'),
  extra: stringListMap(4, 'what else the authenticator knows'),
});

export type UserInfo = Static<typeof UserInfoSchema>;

export const SelfSubjectReviewStatusSchema = object('SelfSubjectReviewStatus', 'The answer', {
  userInfo: defaulted(ref(1, UserInfoSchema, 'who asked', { default: {} })),
});

export type SelfSubjectReviewStatus = Static<typeof SelfSubjectReviewStatusSchema>;

export const SelfSubjectReviewSchema = object('SelfSubjectReview', 'Asks who the caller is', {
  apiVersion: defaulted(str(undefined, 'always authentication.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always SelfSubjectReview')),
  metadata: defaulted(ref(1, PartialObjectMetaSchema, 'names, labels and versions', { default: {} })),
  status: defaulted(ref(2, SelfSubjectReviewStatusSchema, 'the answer', { default: {} })),
});

export type SelfSubjectReview = Static<typeof SelfSubjectReviewSchema>;
