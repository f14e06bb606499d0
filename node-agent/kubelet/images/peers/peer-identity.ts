/**
 * Who is at the other end of a connection between two nodes. Both show the certificate by which the master knows them. It is
 * a client's certificate, which TLS itself does not take from a server, so the dialling side checks it here: signed by the
 * cluster's CA, valid now, and of just the node that was meant. Source: RFC 5280, section 6.
 */
import { X509Certificate } from 'node:crypto';

export interface PeerIdentity {
  /** PEM. */
  key: string;
  certificate: string;
  ca: string;
}

/** What both sides call the server, whoever it is: names are in the certificates. */
export const PEER_SERVER_NAME = 'bramble-node';

/** The node's name; undefined: it is no node of this cluster, or not now. */
export function nodeOfCertificate(certificate: X509Certificate, ca: string, nowMs: number): string | undefined {
  const issuer = new X509Certificate(ca);
  const isOurs = certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  const isValid = certificate.validFromDate.getTime() <= nowMs && nowMs < certificate.validToDate.getTime();
  const subject = certificate.subject.split('\n');
  const isNode = subject.includes('O=system:nodes');
  const name = subject.flatMap((line) => /^CN=system:node:(.+)$/.exec(line)?.[1] ?? []);
  return isOurs && isValid && isNode && name.length === 1 ? name[0] : undefined;
}
