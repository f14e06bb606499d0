/** Certificates of people: signed when somebody has approved them, and never for the groups that rule the cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_SIGNER, complaintAbout } from '../../../master/controllers/certificates/client-signer.ts';
import {
  type CertificateSigningRequest,
  CertificateSigningRequestKind,
} from '../../../shared/api/certificate-signing-request.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';

const KEY = generatePrivateKey();
const USAGES = ['client auth'];

function requestOf(commonName: string, organizations: string[]): string {
  return Buffer.from(createCertificateRequest({ commonName, organizations }, KEY)).toString('base64');
}

const ROWS: readonly [what: string, name: string, groups: string[], usages: string[], complaint: RegExp | undefined][] =
  [
    ['a person', 'jane', ['dev'], USAGES, undefined],
    ['an administrator', 'jane', ['system:masters'], USAGES, /group system:masters are not signed/],
    ['a node', 'system:node:x', ['system:nodes'], USAGES, /group system:nodes are not signed/],
    ['nobody', '', [], USAGES, /common name/],
    ['a server', 'jane', [], ['server auth'], /usages must be "client auth"/],
  ];

for (const [what, name, groups, usages, complaint] of ROWS) {
  test(`a certificate for ${what}`, () => {
    const spec = { request: requestOf(name, groups), usages, signerName: CLIENT_SIGNER };
    const found = complaintAbout({ spec });
    if (complaint === undefined) assert.equal(found, undefined);
    else assert.match(found ?? '', complaint);
  });
}

test('it waits for approval', async () => {
  const cluster = await startLiveCluster({ sign: async () => 'PEM' });
  const create = (name: string, groups: string[]) =>
    cluster.client.create(CertificateSigningRequestKind, {
      metadata: { name },
      spec: { request: requestOf(name, groups), usages: USAGES, signerName: CLIENT_SIGNER },
    });
  const jane = await create('jane', ['dev']);
  const eve = await create('eve', ['system:masters']);
  await cluster.clock.advance(5_000);
  assert.equal((await read(cluster, 'jane')).status.certificate, undefined);
  for (const csr of [jane, eve]) await approve(cluster, csr);
  const signed = await cluster.until('a certificate', async () => (await read(cluster, 'jane')).status.certificate);
  assert.equal(Buffer.from(signed, 'base64').toString(), 'PEM');
  await cluster.until('a refusal', async () => getCondition((await read(cluster, 'eve')).status.conditions, 'Failed'));
  await cluster.stop();
});

function read(cluster: LiveCluster, name: string): Promise<CertificateSigningRequest> {
  return cluster.client.get(CertificateSigningRequestKind, { name });
}

async function approve(cluster: LiveCluster, csr: CertificateSigningRequest): Promise<void> {
  const now = formatTime(cluster.clock.nowMs());
  const times = { lastUpdateTime: now, lastTransitionTime: now };
  const approved = { type: 'Approved', status: 'True', reason: 'ByHand', message: '', ...times } as const;
  const status = { ...csr.status, conditions: [approved] };
  await cluster.client.update(CertificateSigningRequestKind, { ...csr, status }, 'approval');
}
