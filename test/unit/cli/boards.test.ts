/** What doctor says of boards, and whose a signing request is. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { checkClock, checkVersion, conditionFindings } from '../../../cli/commands/doctor-boards.ts';
import { boardOf } from '../../../cli/commands/node.ts';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';

describe('doctor of boards', () => {
  it('compares versions and clocks', () => {
    assert.equal(checkVersion('v1', 'v1').result, 'fine');
    assert.match(checkVersion('v1', 'v2').hint ?? '', /node update/);
    assert.deepEqual(
      [29_000, -29_000].map((ms) => checkClock(ms).result),
      ['fine', 'fine'],
    );
    assert.match(checkClock(90_000).message, /90 s ahead of/);
    assert.match(checkClock(-90_000).message, /90 s behind/);
  });
  it('tells conditions that are not as they should be', () => {
    const conditions = [
      { type: 'Ready', status: 'Unknown', message: 'no answer' },
      { type: 'MemoryPressure', status: 'False' },
      { type: 'bramble.dev/IngressUnavailable', status: 'True', message: 'port 80 is taken' },
    ];
    assert.deepEqual(conditionFindings({ status: { conditions } }), [
      { name: 'Ready', result: 'problem', message: 'no answer' },
      { name: 'IngressUnavailable', result: 'warning', message: 'port 80 is taken' },
    ]);
    const limits = (status: string) => ({ type: 'bramble.dev/MemoryLimits', status, message: 'limits' });
    assert.deepEqual(conditionFindings({ status: { conditions: [limits('True')] } }), []);
    assert.deepEqual(conditionFindings({ status: { conditions: [limits('False')] } }), [
      { name: 'MemoryLimits', result: 'warning', message: 'limits' },
    ]);
    assert.deepEqual(conditionFindings({}), []);
  });
});

describe('the board of a signing request', () => {
  it('is read from the request itself', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const pem = createCertificateRequest({ commonName: 'system:node:pi-1.shed', organizations: ['system:nodes'] }, key);
    const spec = { request: Buffer.from(pem).toString('base64') };
    assert.equal(boardOf({ metadata: { name: 'node-csr-1' }, spec }), 'pi-1.shed');
    assert.equal(boardOf({ metadata: { name: 'node-csr-1' }, spec: {} }), 'node-csr-1');
  });
});
