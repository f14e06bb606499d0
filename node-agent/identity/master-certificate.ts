/**
 * Pure: judges the certificate of a master by the cluster's CA alone. OpenSSL does the same and looks at the dates by the
 * machine's clock; boards have none at boot. Whoever uses this judges the dates by the master's time, see `complaintAboutDates`.
 */
import type { X509Certificate } from 'node:crypto';
import { MASTER_SERVER_NAME } from '../../shared/protocol/join-token.ts';

/** Extended key usage of a TLS server (RFC 5280, section 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** Why it is not the master's certificate, dates aside; undefined: the holder of its key is a master of this cluster. */
export function complaintAboutIssuer(certificate: X509Certificate, ca: X509Certificate): string | undefined {
  if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) {
    return "the server's certificate is not signed by this cluster's CA";
  }
  if (certificate.ca) return "the server shows a CA's certificate as its own";
  if (!(certificate.keyUsage ?? []).includes(SERVER_AUTH)) return "the server's certificate is not one of a server";
  return certificate.checkHost(MASTER_SERVER_NAME) === undefined
    ? `the server's certificate does not say ${MASTER_SERVER_NAME}`
    : undefined;
}

export interface Dates {
  /** What the master says. */
  masterMs: number;
  /** A moment that is certainly past: the start of a certificate that this board has been given. */
  earliestMs: number;
}

/**
 * Why the certificate does not count at the master's time; undefined: it does. The master's word about the time is worth
 * something only after `earliestMs`: a stolen certificate that had ended by then cannot be brought back by a wrong time.
 */
export function complaintAboutDates(certificate: X509Certificate, { masterMs, earliestMs }: Dates): string | undefined {
  const [fromMs, toMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  if (masterMs < earliestMs) return 'the server gives a time that is certainly past';
  if (masterMs < fromMs) return "the server's certificate has not begun, by the server's own time";
  return masterMs > toMs ? "the server's certificate has ended, by the server's own time" : undefined;
}
