/** What the master tells its alerts of itself: its own certificates, its snapshots, and where alerts are posted to. */
import { X509Certificate } from 'node:crypto';
import { postJson } from './controllers/alerts/address-poster.ts';
import { MASTER_SUBJECT } from './controllers/alerts/compute-signals.ts';
import type { AlertSources } from './controllers/alerts/controller.ts';
import type { CertificateAuthority } from './gateway/pki/certificate-authority.ts';
import type { ServerCertificate } from './gateway/pki/server-certificate.ts';
import type { MasterOptions } from './options.ts';
import type { SnapshotKeeper } from './snapshots/snapshot-keeper.ts';

export interface AlertParts {
  options: Pick<MasterOptions, 'alertWebhook'>;
  authority: Pick<CertificateAuthority, 'certificate'>;
  certificate: Pick<ServerCertificate, 'current'>;
  snapshots: Pick<SnapshotKeeper, 'problem' | 'onTaken'>;
}

export function createAlertSources({ options, authority, certificate, snapshots }: AlertParts): AlertSources {
  const read: { pem?: string; endMs: number } = { endMs: 0 };
  const caEndMs = endOf(authority.certificate);
  return {
    certificates: () => {
      const { cert } = certificate.current();
      if (read.pem !== cert) Object.assign(read, { pem: cert, endMs: endOf(cert) });
      // Both are about the master: the one that ends first is told.
      const first = caEndMs < read.endMs ? 'the certificate of the cluster' : 'the certificate of the master';
      return [{ subject: MASTER_SUBJECT, what: first, endMs: Math.min(caEndMs, read.endMs) }];
    },
    snapshotProblem: () => snapshots.problem,
    onChange: (listener) => snapshots.onTaken(listener),
    ...(options.alertWebhook === undefined ? {} : { webhook: { url: options.alertWebhook, post: postJson } }),
  };
}

function endOf(pem: string): number {
  return new X509Certificate(pem).validToDate.getTime();
}
