/**
 * Whether a board gets the certificate that it asks for. Pure but for the arithmetic of the key.
 * Invariant: a certificate for `system:node:<name>` goes to a newcomer only when that name is free or the key is the one that
 * has it already, and to a member only when it is that very node. Everything else is refused with a sentence that says
 * what to do, or left to an administrator (`kubectl certificate approve`).
 */
import { createHash } from 'node:crypto';
import type { CertificateSigningRequest } from '../../../shared/api/certificate-signing-request.ts';
import { BOARD_SERIAL } from '../../../shared/api/node-identities.ts';
import { validateDns1123Subdomain } from '../../../shared/machinery/names.ts';
import {
  type CertificateRequest,
  CertificateRequestError,
  parseCertificateRequest,
} from '../../../shared/protocol/x509/certificate-request.ts';
import { encodePublicKey } from '../../../shared/protocol/x509/keys.ts';

export const KUBELET_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

const NODE_USER_PREFIX = 'system:node:';
const NODES_GROUP = 'system:nodes';

/** The gateway calls boards so whose certificate has ended, and who have proved that it was theirs. */
const RETURNING_PREFIX = 'system:returning:';

const BOOTSTRAPPERS_GROUP = 'system:bootstrappers';

const REQUIRED_USAGE = 'client auth';
const ALLOWED_USAGES: ReadonlySet<string> = new Set(['digital signature', 'key encipherment', REQUIRED_USAGE]);

/** What the cluster knows of the name that is asked for. */
export interface NameFacts {
  /** A Node of that name exists. */
  isTaken: boolean;
  /** Fingerprints of the keys that certificates were issued for under that name. */
  knownKeys: ReadonlySet<string>;
  /** Serial number of the board that the Node of that name is of. */
  serial?: string | undefined;
}

export type CertificateDecision =
  | { type: 'approve'; reason: string; message: string }
  | { type: 'deny'; reason: string; message: string }
  /** An administrator decides. */
  | { type: 'leave'; message?: string };

export interface NodeRequest {
  nodeName: string;
  /** SHA-256 of the public key, hex. */
  fingerprint: string;
  /** Serial number of the board, as it says itself. */
  serial: string | undefined;
}

/** Text for the certificate's refusal. */
export class NodeRequestError extends Error {
  override readonly name = 'NodeRequestError';
}

type RequestParts = Pick<CertificateSigningRequest, 'spec'> & {
  metadata?: Pick<CertificateSigningRequest['metadata'], 'annotations'>;
};

/** Reads a request for a node's certificate. Throws NodeRequestError when it is not exactly that. */
export function parseNodeRequest({ spec, metadata }: RequestParts): NodeRequest {
  const usages = spec.usages ?? [];
  if (!usages.includes(REQUIRED_USAGE) || usages.some((usage) => !ALLOWED_USAGES.has(usage))) {
    throw new NodeRequestError(
      `usages must be "${REQUIRED_USAGE}", with "digital signature" and "key encipherment" if wanted`,
    );
  }
  const { subject, publicKey } = parsePem(spec.request);
  const { commonName, organizations } = subject;
  const [organization, ...others] = organizations;
  if (organization !== NODES_GROUP || others.length > 0) {
    throw new NodeRequestError(`the organization must be ${NODES_GROUP} and nothing else`);
  }
  const nodeName = commonName.startsWith(NODE_USER_PREFIX) ? commonName.slice(NODE_USER_PREFIX.length) : '';
  if (nodeName === '' || validateDns1123Subdomain(nodeName).length > 0) {
    throw new NodeRequestError(`the common name must be ${NODE_USER_PREFIX}<name of the node>`);
  }
  const fingerprint = createHash('sha256').update(encodePublicKey(publicKey)).digest('hex');
  return { nodeName, fingerprint, serial: metadata?.annotations?.[BOARD_SERIAL] };
}

function parsePem(request: string): CertificateRequest {
  try {
    return parseCertificateRequest(Buffer.from(request, 'base64').toString('utf8'));
  } catch (error) {
    if (error instanceof CertificateRequestError) throw new NodeRequestError(error.message);
    throw error;
  }
}

export function computeCertificateDecision(
  csr: Pick<CertificateSigningRequest, 'spec'>,
  request: NodeRequest | NodeRequestError,
  facts: NameFacts,
): CertificateDecision {
  const { username = '', groups = [] } = csr.spec;
  const isMember = groups.includes(NODES_GROUP) && username.startsWith(NODE_USER_PREFIX);
  const isNewcomer = groups.includes(BOOTSTRAPPERS_GROUP);
  if (!isMember && !isNewcomer) return { type: 'leave' };
  if (request instanceof NodeRequestError) return { type: 'deny', reason: 'InvalidRequest', message: request.message };
  if (isMember) return decideRenewal(username, request);
  return username.startsWith(RETURNING_PREFIX) ? decideReturn(username, request, facts) : decideJoin(request, facts);
}

function decideRenewal(username: string, { nodeName }: NodeRequest): CertificateDecision {
  if (username === `${NODE_USER_PREFIX}${nodeName}`) {
    return { type: 'approve', reason: 'AutoApproved', message: 'the node renews its own certificate' };
  }
  const message = `${username} may not ask for the certificate of node "${nodeName}"`;
  return { type: 'deny', reason: 'ForeignName', message };
}

/** As long as its Node is there nobody has given the board up. */
function decideReturn(username: string, { nodeName }: NodeRequest, { isTaken }: NameFacts): CertificateDecision {
  if (username !== `${RETURNING_PREFIX}${nodeName}`) {
    const message = `${username} may not ask for the certificate of node "${nodeName}"`;
    return { type: 'deny', reason: 'ForeignName', message };
  }
  if (!isTaken) return { type: 'leave', message: `node "${nodeName}" was deleted while the board was off` };
  return {
    type: 'approve',
    reason: 'AutoApproved',
    message: `node "${nodeName}" is back after its certificate had ended`,
  };
}

function decideJoin(request: NodeRequest, { isTaken, knownKeys, serial }: NameFacts): CertificateDecision {
  const { nodeName, fingerprint } = request;
  if (!isTaken) {
    return { type: 'approve', reason: 'AutoApproved', message: `node "${nodeName}" joins with a valid join token` };
  }
  if (knownKeys.has(fingerprint)) {
    return { type: 'approve', reason: 'AutoApproved', message: `node "${nodeName}" joins again with its own key` };
  }
  if (serial !== undefined && serial !== '' && request.serial === serial) {
    return {
      type: 'leave',
      message: `the board of node "${nodeName}" has been flashed anew: bramble node approve ${nodeName}`,
    };
  }
  const message =
    `the name "${nodeName}" belongs to a node with another key. Join under another name, or, when this board has been ` +
    `flashed anew and takes the place of the old one, run "kubectl delete node ${nodeName}" and join again`;
  return { type: 'deny', reason: 'NameTaken', message };
}
