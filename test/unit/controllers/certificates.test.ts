/** Who gets which certificate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  computeCertificateDecision,
  NodeRequestError,
  parseNodeRequest,
} from '../../../master/controllers/certificates/decision.ts';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';

const KEY = generatePrivateKey();
const OTHER_KEY = generatePrivateKey();

interface Ask {
  commonName?: string;
  organizations?: string[];
  usages?: string[];
  key?: string;
  username?: string;
  groups?: string[];
  serial?: string;
}

const NEWCOMER = { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] };
const RETURNING = { username: 'system:returning:pi-1', groups: ['system:bootstrappers', 'system:authenticated'] };
const MEMBER = { username: 'system:node:pi-1', groups: ['system:nodes', 'system:authenticated'] };

function spec(ask: Ask) {
  const {
    commonName = 'system:node:pi-1',
    organizations = ['system:nodes'],
    key = KEY,
    usages = ['client auth'],
  } = ask;
  const pem = createCertificateRequest({ commonName, organizations }, key);
  const { username, groups } = { ...NEWCOMER, ...ask };
  const request = Buffer.from(pem).toString('base64');
  const annotations: Record<string, string> = ask.serial === undefined ? {} : { 'bramble.dev/serial': ask.serial };
  return {
    metadata: { annotations },
    spec: { request, usages, username, groups, signerName: 'kubernetes.io/kube-apiserver-client-kubelet' },
  };
}

function decide(ask: Ask, facts: { isTaken?: boolean; knownKey?: string; serial?: string } = {}): string {
  const knownKeys = new Set(facts.knownKey === undefined ? [] : [fingerprint(facts.knownKey)]);
  const csr = spec(ask);
  const decision = computeCertificateDecision(csr, read(csr), {
    isTaken: facts.isTaken ?? false,
    knownKeys,
    serial: facts.serial,
  });
  return decision.type === 'leave' ? 'leave' : `${decision.type} ${decision.reason}`;
}

function read(csr: ReturnType<typeof spec>) {
  try {
    return parseNodeRequest(csr);
  } catch (error) {
    if (error instanceof NodeRequestError) return error;
    throw error;
  }
}

function fingerprint(key: string): string {
  return parseNodeRequest(spec({ key })).fingerprint;
}

const ROWS: { what: string; ask: Ask; facts?: Parameters<typeof decide>[1]; decision: string }[] = [
  { what: 'a newcomer under a free name', ask: {}, decision: 'approve AutoApproved' },
  { what: 'a newcomer under a taken name', ask: {}, facts: { isTaken: true }, decision: 'deny NameTaken' },
  {
    what: 'a newcomer under a taken name with another key',
    ask: {},
    facts: { isTaken: true, knownKey: OTHER_KEY },
    decision: 'deny NameTaken',
  },
  {
    what: 'the board that lost its certificate and kept its key',
    ask: {},
    facts: { isTaken: true, knownKey: KEY },
    decision: 'approve AutoApproved',
  },
  {
    what: 'the same board, flashed anew: a person decides',
    ask: { serial: '10000000abcdef01' },
    facts: { isTaken: true, knownKey: OTHER_KEY, serial: '10000000abcdef01' },
    decision: 'leave',
  },
  {
    what: 'another board under a taken name',
    ask: { serial: '10000000abcdef02' },
    facts: { isTaken: true, knownKey: OTHER_KEY, serial: '10000000abcdef01' },
    decision: 'deny NameTaken',
  },
  {
    what: 'machines without serial numbers are not alike',
    ask: { serial: '' },
    facts: { isTaken: true, serial: '' },
    decision: 'deny NameTaken',
  },
  {
    what: 'a board whose certificate has ended, and whose Node is there',
    ask: RETURNING,
    facts: { isTaken: true },
    decision: 'approve AutoApproved',
  },
  {
    what: 'a board whose certificate has ended, and whose Node was deleted',
    ask: RETURNING,
    decision: 'leave',
  },
  {
    what: 'a returning board under the name of another',
    ask: { ...RETURNING, commonName: 'system:node:pi-2' },
    facts: { isTaken: true },
    decision: 'deny ForeignName',
  },
  { what: 'a node renews with a new key', ask: MEMBER, facts: { isTaken: true }, decision: 'approve AutoApproved' },
  {
    what: 'a node asks for the name of another',
    ask: { ...MEMBER, commonName: 'system:node:pi-2' },
    decision: 'deny ForeignName',
  },
  {
    what: 'a newcomer wants to be administrator',
    ask: { organizations: ['system:masters'] },
    decision: 'deny InvalidRequest',
  },
  {
    what: 'a newcomer wants to be both',
    ask: { organizations: ['system:nodes', 'system:masters'] },
    decision: 'deny InvalidRequest',
  },
  { what: 'a newcomer without a group', ask: { organizations: [] }, decision: 'deny InvalidRequest' },
  { what: 'a newcomer under a user name', ask: { commonName: 'admin' }, decision: 'deny InvalidRequest' },
  { what: 'a newcomer under no name', ask: { commonName: 'system:node:' }, decision: 'deny InvalidRequest' },
  {
    what: 'a newcomer under a name that is none',
    ask: { commonName: 'system:node:../pi' },
    decision: 'deny InvalidRequest',
  },
  { what: 'a server certificate', ask: { usages: ['server auth'] }, decision: 'deny InvalidRequest' },
  { what: 'more usages than needed', ask: { usages: ['client auth', 'server auth'] }, decision: 'deny InvalidRequest' },
  {
    what: 'all usual usages',
    ask: { usages: ['digital signature', 'key encipherment', 'client auth'] },
    decision: 'approve AutoApproved',
  },
  {
    what: 'an administrator asks for a node',
    ask: { username: 'admin', groups: ['system:masters'] },
    decision: 'leave',
  },
  {
    what: 'a user that is called like a node but is none',
    ask: { ...MEMBER, groups: ['system:authenticated'] },
    decision: 'leave',
  },
];

for (const { what, ask, facts, decision } of ROWS)
  test(`certificates: ${what}`, () => assert.equal(decide(ask, facts), decision));

test('what is no request at all', () => {
  const csr = { spec: { ...spec({}).spec, request: Buffer.from('hello').toString('base64') } };
  assert.throws(() => parseNodeRequest(csr), NodeRequestError);
});
