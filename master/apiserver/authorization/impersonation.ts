/**
 * Acting as somebody else: who asks must have the right to impersonate the user, each of the groups and every other thing
 * that is claimed. Source: Kubernetes, "User impersonation".
 */
import { badRequest } from '../../../shared/machinery/errors.ts';
import { anonymousUser, GROUP, type UserInfo } from '../user-info.ts';
import { type AuthorizedResource, type Authorizer, forbiddenError } from './authorizer.ts';

const HEADER = 'impersonate-';
const EXTRA_HEADER = 'impersonate-extra-';
const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';
const AUTHENTICATION = 'authentication.k8s.io';

type Headers = Readonly<Record<string, string>>;

/** Whether the caller wants to be somebody else; cheap, as every request is asked. */
export function isImpersonating(headers: Headers): boolean {
  return Object.keys(headers).some((name) => name.startsWith(HEADER));
}

/** The user that the request counts as. Throws BadRequest, and Forbidden in the words of any other refusal. */
export async function impersonate(authorize: Authorizer, user: UserInfo, headers: Headers): Promise<UserInfo> {
  const target = readTarget(headers);
  for (const asked of questionsAbout(target)) {
    const rest = { path: '', version: 'v1', subresource: '', namespace: '', group: '', ...asked };
    const request: AuthorizedResource = { isResource: true, verb: 'impersonate', ...rest };
    const attributes = { user, request, fieldSelector: [] };
    const decision = await authorize(attributes);
    if (decision !== 'allow') throw forbiddenError(attributes, decision.deny);
  }
  return { ...target, groups: groupsOf(target) };
}

function readTarget(headers: Headers): UserInfo {
  const name = headers['impersonate-user'] ?? '';
  if (name === '') {
    throw badRequest('requested impersonation of groups, a uid or extra fields without impersonating a user');
  }
  const extra = Object.entries(headers)
    .filter(([header]) => header.startsWith(EXTRA_HEADER))
    .map(([header, value]) => [decodeKey(header.slice(EXTRA_HEADER.length)), splitValues(value)] as const);
  return {
    name,
    uid: headers['impersonate-uid'] ?? '',
    groups: splitValues(headers['impersonate-group'] ?? ''),
    extra: Object.fromEntries(extra),
  };
}

/** A header that is sent several times arrives as one. */
function splitValues(value: string): string[] {
  return value
    .split(', ')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    throw badRequest(`the header ${EXTRA_HEADER}${key} is not properly percent-encoded`);
  }
}

type Asked = Pick<AuthorizedResource, 'resource' | 'name'> & Partial<AuthorizedResource>;

function* questionsAbout({ name, uid, groups, extra }: UserInfo): Iterable<Asked> {
  const account = accountOf(name);
  yield account ? { resource: 'serviceaccounts', ...account } : { resource: 'users', name };
  for (const group of groups) yield { resource: 'groups', name: group };
  if (uid !== '') yield { group: AUTHENTICATION, resource: 'uids', name: uid };
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) yield { group: AUTHENTICATION, resource: 'userextras', subresource: key, name: value };
  }
}

function accountOf(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace = '', name = ''] = user.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  return { namespace, name };
}

/** A service account is in its groups by itself, and everybody who has a name is known. */
function groupsOf({ name, groups }: UserInfo): string[] {
  const account = accountOf(name);
  const own =
    account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`] : groups;
  const known = name === anonymousUser.name ? GROUP.unauthenticated : GROUP.authenticated;
  return own.includes(known) ? [...own] : [...own, known];
}
