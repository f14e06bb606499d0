/** Which board a signing request is of: its name ends where it ends, whatever the bytes after it look like. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boardOf } from '../../../cli/commands/node.ts';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';

function requestOf(commonName: string) {
  const pem = createCertificateRequest({ commonName, organizations: ['system:nodes'] }, generatePrivateKey());
  return { metadata: { name: 'node-csr-1' }, spec: { request: Buffer.from(pem).toString('base64') } };
}

for (const name of ['attic', 'node-01', 'a', 'pi.4.local', 'x'.repeat(63)]) {
  test(`the board ${name} is told by its request`, () => assert.equal(boardOf(requestOf(`system:node:${name}`)), name));
}

test('a request that is not of a board has its own name', () => {
  assert.equal(boardOf(requestOf('ada')), 'node-csr-1');
  assert.equal(boardOf({ metadata: { name: 'node-csr-2' }, spec: { request: 'bm9uc2Vuc2U=' } }), 'node-csr-2');
});
