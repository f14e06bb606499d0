/** A board that was flashed anew, against the real API server and controllers: it waits, is let in, and the card before it is over. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, test } from 'node:test';
import {
  type CertificateSigningRequest,
  CertificateSigningRequestKind,
} from '../../../shared/api/certificate-signing-request.ts';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { BOARD_SERIAL, NODE_IDENTITIES } from '../../../shared/api/node-identities.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { createTestPki, type TestPki } from '../../support/test-pki.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';

const SERIAL = '10000000abcdef01';

let pki: TestPki;
const cluster: LiveCluster = await startLiveCluster({
  sign: async (pem, options) => pki.authority.signCertificateRequest(pem, options),
});
pki = await createTestPki(cluster.clock);
after(() => cluster.stop());

function request(name: string, serial: string) {
  const subject = { commonName: 'system:node:pi-1', organizations: ['system:nodes'] };
  const pem = createCertificateRequest(subject, generatePrivateKey());
  return {
    metadata: { name, annotations: { [BOARD_SERIAL]: serial } },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature' as const, 'client auth' as const],
    },
  };
}

function read(name: string): Promise<CertificateSigningRequest> {
  return cluster.client.get(CertificateSigningRequestKind, { name });
}

test('a flashed board waits for a person; from its certificate on those before it count no longer', async () => {
  const newcomer = cluster.as('system:bootstrap:abcdef', ['system:bootstrappers', 'system:authenticated']);
  await cluster.addNode({ name: 'pi-1', labels: { [BOARD_SERIAL]: SERIAL } });
  await newcomer.create(CertificateSigningRequestKind, request('other', '10000000abcdef02'));
  await newcomer.create(CertificateSigningRequestKind, request('same', SERIAL));
  const isDecided = async (name: string) => ((await read(name)).status.conditions ?? []).length > 0;
  await cluster.until('the other board is refused', () => isDecided('other'));
  assert.equal((await read('other')).status.conditions?.[0]?.reason, 'NameTaken');
  assert.equal(await isDecided('same'), false);
  assert.equal(await cluster.exists(ConfigMapKind, NODE_IDENTITIES.name, NODE_IDENTITIES.namespace), false);
  const waiting = await read('same');
  const conditions = [{ type: 'Approved', status: 'True' as const, reason: 'Person', message: 'it is mine' }];
  const approved = { ...waiting, status: { ...waiting.status, conditions } };
  await cluster.client.update(CertificateSigningRequestKind, approved, 'approval');
  const certificate = await cluster.until('its certificate', async () => (await read('same')).status.certificate);
  const { validFromDate } = new X509Certificate(Buffer.from(certificate, 'base64'));
  const { data } = await cluster.client.get(ConfigMapKind, NODE_IDENTITIES);
  assert.deepEqual(parseTime(data?.['pi-1']), validFromDate.getTime());
});
