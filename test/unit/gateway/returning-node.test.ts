/** Boards whose certificate has ended, and certificates that count no longer because another board has the name. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createAuthenticator } from '../../../master/gateway/authentication/authenticator.ts';
import { NODE_IDENTITIES } from '../../../shared/api/node-identities.ts';
import type { Client } from '../../../shared/client/client.ts';
import { notFound } from '../../../shared/machinery/errors.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { makeReturnProof } from '../../../shared/protocol/returning-node.ts';
import { generatePrivateKey, readPrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { createTestPki } from '../../support/test-pki.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const YEAR_MS = 365 * 24 * 3_600_000;

async function open() {
  const clock = createVirtualClock();
  const pki = await createTestPki(clock);
  const identities: Record<string, string> = {};
  const get = async (kind: { plural: string }, key: { name: string }): Promise<unknown> => {
    if (key.name !== NODE_IDENTITIES.name || Object.keys(identities).length === 0)
      throw notFound({ group: '', plural: kind.plural }, key.name);
    return { data: identities };
  };
  const client: Pick<Client, 'get'> = { get: get as Client['get'] };
  const tokenKey = readPrivateKey(generatePrivateKey());
  const { authority } = pki;
  const authenticator = createAuthenticator({ client, tokenKey, clock, ca: authority.certificate });
  const { key, cert: certificate } = pki.client('system:node:pi-1', 'system:nodes');
  return { clock, pki, identities, authenticator, board: { key, certificate } };
}

test('a board that was off for two years may ask for a certificate, and for nothing else', async () => {
  const { clock, authenticator, board } = await open();
  clock.jumpWallClock(2 * YEAR_MS);
  const user = await authenticator.userOfToken(makeReturnProof(board, clock.nowMs()));
  assert.equal(user.name, 'system:returning:pi-1');
  assert.deepEqual(user.groups, ['system:bootstrappers', 'system:authenticated']);
});

test('nobody else returns: without the key, with an old signature, from another cluster, or with a certificate of people', async () => {
  const { clock, pki, authenticator, board } = await open();
  const refused = (proof: string) => assert.rejects(authenticator.userOfToken(proof), { reason: 'Unauthorized' });
  await refused(makeReturnProof({ ...board, key: generatePrivateKey() }, clock.nowMs()));
  await refused(makeReturnProof(board, clock.nowMs() - 3_600_000));
  await refused(makeReturnProof(board, Number.NaN));
  const other = (await createTestPki(clock)).client('system:node:pi-1', 'system:nodes');
  await refused(makeReturnProof({ key: other.key, certificate: other.cert }, clock.nowMs()));
  const admin = pki.client('admin', 'system:masters');
  await refused(makeReturnProof({ key: admin.key, certificate: admin.cert }, clock.nowMs()));
  const [head = '', time = ''] = makeReturnProof(board, clock.nowMs()).split('.');
  await refused(`${head}.${time}.`);
  await refused('returning:');
});

test('the certificate of a board that another one has replaced is refused, also as a return; the new one and others are not', async () => {
  const { clock, pki, identities, authenticator, board } = await open();
  clock.jumpWallClock(3_600_000);
  const next = pki.client('system:node:pi-1', 'system:nodes');
  const neighbour = pki.client('system:node:pi-2', 'system:nodes');
  identities['pi-1'] = formatTime(new X509Certificate(next.cert).validFromDate.getTime());
  const userOf = (pem: string) => authenticator.userOfCertificate(new X509Certificate(pem));
  await assert.rejects(userOf(board.certificate), { reason: 'Unauthorized', message: /another board has taken/ });
  await assert.rejects(authenticator.userOfToken(makeReturnProof(board, clock.nowMs())), { reason: 'Unauthorized' });
  assert.equal((await userOf(next.cert)).name, 'system:node:pi-1');
  assert.equal((await userOf(neighbour.cert)).name, 'system:node:pi-2');
});
