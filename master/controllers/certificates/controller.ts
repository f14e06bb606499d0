/** The certificate signing controller: decides on the requests of boards, and signs what is approved. */
import { X509Certificate } from 'node:crypto';
import {
  type CertificateSigningRequest,
  type CertificateSigningRequestCondition,
  CertificateSigningRequestKind,
} from '../../../shared/api/certificate-signing-request.ts';
import { BOARD_SERIAL } from '../../../shared/api/node-identities.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import {
  computeCertificateDecision,
  KUBELET_SIGNER,
  type NameFacts,
  type NodeRequest,
  NodeRequestError,
  parseNodeRequest,
} from './decision.ts';
import { rememberIdentity } from './remember-identity.ts';

export interface SignOptions {
  usages: readonly 'client auth'[];
  /** The signer's own default unless given. */
  validityMs?: number;
}

/** Signs with the subject and key of the PEM request; whether it may was decided before. Returns a PEM certificate. */
export type CertificateSigner = (requestPem: string, options: SignOptions) => Promise<string>;

export class CertificateController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #sign: CertificateSigner;
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers, sign: CertificateSigner) {
    this.#environment = environment;
    this.#informers = informers;
    this.#sign = sign;
    this.#controller = new SyncedController({
      ...environment,
      name: 'certificate-signing',
      informers: [informers.certificateSigningRequests, informers.nodes],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.certificateSigningRequests.onChange((key) => this.#controller.enqueue(key));
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  async #reconcile(key: string): Promise<void> {
    const csr = this.#informers.certificateSigningRequests.get(key);
    if (csr === undefined || csr.spec.signerName !== KUBELET_SIGNER) return;
    const { conditions, certificate } = csr.status;
    const isOver =
      certificate !== undefined || getCondition(conditions, 'Denied') || getCondition(conditions, 'Failed');
    if (isOver) return;
    const request = readRequest(csr);
    if (getCondition(conditions, 'Approved') === undefined) await this.#decide(csr, request);
    else await this.#issue(csr, request);
  }

  async #decide(csr: CertificateSigningRequest, request: NodeRequest | NodeRequestError): Promise<void> {
    const facts = request instanceof NodeRequestError ? NO_FACTS : this.#factsOf(request, csr);
    const decision = computeCertificateDecision(csr, request, facts);
    if (decision.type === 'leave') {
      const { message } = decision;
      if (message !== undefined)
        this.#environment.logger.warn('certificate request waits', { name: csr.metadata.name, message });
      return;
    }
    const { reason, message } = decision;
    const type = decision.type === 'approve' ? 'Approved' : 'Denied';
    const decided = this.#withCondition(csr, { type, status: 'True', reason, message });
    await unlessNotFound(this.#environment.client.update(CertificateSigningRequestKind, decided, 'approval'));
    const level = type === 'Approved' ? 'info' : 'warn';
    this.#environment.logger[level]('certificate request decided', {
      name: csr.metadata.name,
      decision: type,
      message,
    });
  }

  #factsOf({ nodeName }: NodeRequest, csr: CertificateSigningRequest): NameFacts {
    const node = this.#informers.nodes.get(nodeName);
    const issued = this.#informers.certificateSigningRequests
      .list()
      .filter((other) => other.status.certificate !== undefined && other.metadata.uid !== csr.metadata.uid)
      .map(readRequest);
    const ofName = issued.filter((other) => !(other instanceof NodeRequestError) && other.nodeName === nodeName);
    return {
      isTaken: node !== undefined,
      serial: node?.metadata.labels?.[BOARD_SERIAL],
      knownKeys: new Set(ofName.flatMap((other) => (other instanceof NodeRequestError ? [] : [other.fingerprint]))),
    };
  }

  /** An administrator may have approved; the signer still signs nothing but certificates of nodes. */
  async #issue(csr: CertificateSigningRequest, request: NodeRequest | NodeRequestError): Promise<void> {
    const { client } = this.#environment;
    if (request instanceof NodeRequestError) {
      const { message } = request;
      const failure = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message } as const;
      const failed = this.#withCondition(csr, failure);
      await unlessNotFound(client.update(CertificateSigningRequestKind, failed, 'status'));
      return;
    }
    const pem = Buffer.from(csr.spec.request, 'base64').toString('utf8');
    const { expirationSeconds } = csr.spec;
    const validity = expirationSeconds === undefined ? {} : { validityMs: expirationSeconds * 1000 };
    const signedPem = await this.#sign(pem, { usages: ['client auth'], ...validity });
    await this.#replaceOthers(csr, request, signedPem);
    const certificate = Buffer.from(signedPem).toString('base64');
    const signed = { ...csr, status: { ...csr.status, certificate } };
    await unlessNotFound(client.update(CertificateSigningRequestKind, signed, 'status'));
  }

  /**
   * Whoever joins under a name that was another's is its only owner from now on: earlier certificates are refused before the
   * new one is handed out.
   */
  async #replaceOthers(csr: CertificateSigningRequest, request: NodeRequest, certificate: string): Promise<void> {
    if (csr.spec.groups?.includes('system:nodes')) return;
    const { isTaken, knownKeys } = this.#factsOf(request, csr);
    if (!isTaken && knownKeys.size === 0) return;
    const since = formatTime(new X509Certificate(certificate).validFromDate.getTime());
    await rememberIdentity(this.#environment.client, request.nodeName, since);
  }

  #withCondition(
    csr: CertificateSigningRequest,
    condition: CertificateSigningRequestCondition,
  ): CertificateSigningRequest {
    const now = formatTime(this.#environment.clock.nowMs());
    const stamped = { ...condition, lastUpdateTime: now, lastTransitionTime: now };
    return { ...csr, status: { ...csr.status, conditions: [...(csr.status.conditions ?? []), stamped] } };
  }
}

const NO_FACTS: NameFacts = { isTaken: false, knownKeys: new Set() };

function readRequest(csr: CertificateSigningRequest): NodeRequest | NodeRequestError {
  try {
    return parseNodeRequest(csr);
  } catch (error) {
    if (error instanceof NodeRequestError) return error;
    throw error;
  }
}
