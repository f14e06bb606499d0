/** Who asks: certificates, join tokens, tokens of service accounts, and what is wrong with the bad ones. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { SessionCredentials } from '../../../master/broker/credentials.ts';
import { SessionRefused } from '../../../master/broker/session-refused.ts';
import { createAuthenticator } from '../../../master/gateway/authentication/authenticator.ts';
import { looksLikeToken, signToken, verifyToken } from '../../../master/gateway/authentication/json-web-token.ts';
import {
  createTokenAuthenticator,
  createTokenIssuer,
  ISSUER,
} from '../../../master/gateway/authentication/service-account-tokens.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { generatePrivateKey, readPrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { createTestPki } from '../../support/test-pki.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { createObjectHandler } from './object-handler.ts';

const ACCOUNTS = '/api/v1/namespaces/shop/serviceaccounts';
const PODS = '/api/v1/namespaces/shop/pods';
const SECRETS = '/api/v1/namespaces/kube-system/secrets';

function createWorld() {
  const clock = createVirtualClock();
  const api = createObjectHandler();
  const client = createClient(api.handler);
  const key = readPrivateKey(generatePrivateKey());
  const options = { key, clock, client, random: seededRandom(1) };
  return {
    clock,
    api,
    client,
    key,
    issue: createTokenIssuer(options),
    review: createTokenAuthenticator(options),
    authenticator: createAuthenticator({ client, clock, tokenKey: key }),
  };
}

/** Matches a 401 whose message says so. */
function saying(text: string) {
  return (error: unknown): boolean => isStatusError(error, 'Unauthorized') && error.message.includes(text);
}

function putAccount({ api }: ReturnType<typeof createWorld>): { namespace: string; name: string; uid: string } {
  api.put(ACCOUNTS, { metadata: { name: 'clerk' } });
  return { namespace: 'shop', name: 'clerk', uid: api.get(`${ACCOUNTS}/clerk`)?.metadata.uid ?? '' };
}

test('a token of a service account is its holder until it ends', async () => {
  const world = createWorld();
  const subject = putAccount(world);
  const { token, expirationTimestamp } = await world.issue(subject, { expirationSeconds: 3_600 });
  assert.equal(expirationTimestamp, '2026-01-01T01:00:00Z');
  assert(looksLikeToken(token));
  assert.deepEqual(await world.authenticator.userOfToken(token), {
    name: 'system:serviceaccount:shop:clerk',
    uid: subject.uid,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
    extra: {},
  });
  await world.clock.advance(3_600_000);
  await assert.rejects(world.authenticator.userOfToken(token), saying('expired'));
});

test('the life of a token is bounded both ways', async () => {
  const world = createWorld();
  const subject = putAccount(world);
  assert.equal((await world.issue(subject, { expirationSeconds: 1 })).expirationTimestamp, '2026-01-01T00:10:00Z');
  assert.equal(
    (await world.issue(subject, { expirationSeconds: 2 ** 40 })).expirationTimestamp,
    '2027-01-01T00:00:00Z',
  );
});

test('a token ends with its account, also when one of the same name is made again', async () => {
  const world = createWorld();
  const { token } = await world.issue(putAccount(world), { expirationSeconds: 3_600 });
  world.api.remove(`${ACCOUNTS}/clerk`);
  await assert.rejects(world.authenticator.userOfToken(token), saying('service account of the bearer token is gone'));
  putAccount(world);
  await assert.rejects(world.authenticator.userOfToken(token), saying('service account of the bearer token is gone'));
});

test('a token that is bound to a pod ends with the pod', async () => {
  const world = createWorld();
  const subject = putAccount(world);
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'till' };
  await assert.rejects(world.issue(subject, { expirationSeconds: 3_600, boundObjectRef }), (error) =>
    isStatusError(error, 'NotFound'),
  );
  world.api.put(PODS, Object.assign({ metadata: { name: 'till' } }, { spec: { serviceAccountName: 'clerk' } }));
  const { token } = await world.issue(subject, { expirationSeconds: 3_600, boundObjectRef });
  const user = await world.authenticator.userOfToken(token);
  assert.deepEqual(user.extra['authentication.kubernetes.io/pod-name'], ['till']);
  world.api.remove(`${PODS}/till`);
  await assert.rejects(world.authenticator.userOfToken(token), saying('pod of the bearer token is gone'));
});

test('a token for another audience is no key to this API, and a review tells for whom it is', async () => {
  const world = createWorld();
  const { token } = await world.issue(putAccount(world), { expirationSeconds: 3_600, audiences: ['vault'] });
  await assert.rejects(world.authenticator.userOfToken(token), saying('audience'));
  assert.deepEqual((await world.review(token, ['vault', 'other']))?.audiences, ['vault']);
  assert.equal(await world.review(token, []), undefined);
  assert.equal(await world.review('nonsense', []), undefined);
});

test('a token of another key, another algorithm, or another shape is refused', async () => {
  const world = createWorld();
  const { token } = await world.issue(putAccount(world), { expirationSeconds: 3_600 });
  const other = readPrivateKey(generatePrivateKey());
  const claims = { iss: ISSUER, aud: [ISSUER], exp: 9e9 };
  await assert.rejects(world.authenticator.userOfToken(signToken(claims, other)), saying('not signed by this cluster'));
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.x`;
  await assert.rejects(world.authenticator.userOfToken(unsigned), saying('not signed by this cluster'));
  await assert.rejects(world.authenticator.userOfToken('hello'), saying('no kind that is known'));
  assert.equal(verifyToken(`${token}x`.replace('.', '..'), world.key), undefined);
});

function putBootstrap({ api }: ReturnType<typeof createWorld>, change: Record<string, string | undefined> = {}): void {
  const data = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    expiration: '2026-01-01T12:00:00Z',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:bramble:join,system:masters',
    ...change,
  };
  const encoded = Object.entries(data).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Buffer.from(value).toString('base64')]],
  );
  const secret = { type: 'bootstrap.kubernetes.io/token', data: Object.fromEntries(encoded) };
  api.put(SECRETS, Object.assign({ metadata: { name: 'bootstrap-token-abcdef' } }, secret));
}

test('a join token is a bootstrapper and can never be more', async () => {
  const world = createWorld();
  putBootstrap(world);
  assert.deepEqual(await world.authenticator.userOfToken('abcdef.0123456789abcdef'), {
    name: 'system:bootstrap:abcdef',
    uid: '',
    groups: ['system:bootstrappers', 'system:bootstrappers:bramble:join', 'system:authenticated'],
    extra: {},
  });
});

test('unknown, wrong, ended and unfit join tokens are told apart', async () => {
  const world = createWorld();
  const token = 'abcdef.0123456789abcdef';
  await assert.rejects(world.authenticator.userOfToken(token), saying('not known'));
  putBootstrap(world);
  await assert.rejects(world.authenticator.userOfToken('abcdef.0123456789abcdee'), saying('not known'));
  putBootstrap(world, { 'usage-bootstrap-authentication': undefined });
  await assert.rejects(world.authenticator.userOfToken(token), saying('not known'));
  putBootstrap(world, { expiration: 'soon' });
  await assert.rejects(world.authenticator.userOfToken(token), saying('ended at soon'));
  putBootstrap(world);
  await world.clock.advance(12 * 3_600_000);
  await assert.rejects(world.authenticator.userOfToken(token), saying('ended at 2026-01-01T12:00:00Z'));
  putBootstrap(world, { expiration: undefined });
  await world.authenticator.userOfToken(token);
});

const session = {
  ...{ clientId: 'x', certificate: undefined, username: undefined, password: undefined, remoteAddress: '' },
  isPlain: false,
};

function refused(reason: SessionRefused['reason']): (error: unknown) => boolean {
  return (error) => error instanceof SessionRefused && error.reason === reason;
}

test('sessions of the broker are refused with the code that says why', async () => {
  const world = createWorld();
  putBootstrap(world);
  const { userOfSession } = world.authenticator;
  await assert.rejects(userOfSession(session), refused('not-authorized'));
  await assert.rejects(userOfSession({ ...session, username: 'bob', password: 'x' }), refused('bad-credentials'));
  await assert.rejects(userOfSession({ ...session, username: 'bootstrap', password: 'x' }), refused('bad-credentials'));
  const user = await userOfSession({ ...session, username: 'bootstrap', password: 'abcdef.0123456789abcdef' });
  assert.equal(user.name, 'system:bootstrap:abcdef');
});

test("without TLS people's own users come in and nobody else, whatever they show", async () => {
  const world = createWorld();
  putBootstrap(world);
  const asked: string[] = [];
  const { userOfSession } = createAuthenticator({
    ...{ client: world.client, clock: world.clock, tokenKey: world.key },
    mqttUsers: {
      userOf: async (name) => {
        asked.push(name);
        return { name: `mqtt:${name}`, uid: '', groups: [], extra: {} };
      },
    },
  });
  const plain = { ...session, isPlain: true };
  const joinToken = 'abcdef.0123456789abcdef';
  const account = await world.issue(putAccount(world), { expirationSeconds: 3_600 });
  const certificate = new X509Certificate((await createTestPki()).client('admin', 'system:masters').cert);
  const table: [Partial<SessionCredentials>, SessionRefused['reason']][] = [
    [{}, 'not-authorized'],
    [{ username: 'lamp' }, 'not-authorized'],
    [{ username: 'bootstrap', password: joinToken }, 'bad-credentials'],
    [{ username: 'token', password: joinToken }, 'bad-credentials'],
    [{ username: 'token', password: account.token }, 'bad-credentials'],
    [{ certificate }, 'bad-credentials'],
    [{ certificate, username: 'lamp', password: 'x' }, 'bad-credentials'],
  ];
  for (const [shown, reason] of table) await assert.rejects(userOfSession({ ...plain, ...shown }), refused(reason));
  assert.deepEqual(asked, []);
  assert.equal((await userOfSession({ ...plain, username: 'lamp', password: 'x' })).name, 'mqtt:lamp');
  const overTls = await userOfSession({ ...session, username: 'token', password: account.token });
  assert.equal(overTls.name, 'system:serviceaccount:shop:clerk');
});
