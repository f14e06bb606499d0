/** What must be well beside the API itself, for /healthz, /livez and /readyz. */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../shared/platform/clock.ts';
import type { HealthCheck } from './apiserver/health/health-checks.ts';
import type { ServerCertificate } from './gateway/pki/server-certificate.ts';

/** Clients refuse both doors once it has ended. */
export function certificateCheck(
  certificate: Pick<ServerCertificate, 'current'>,
  clock: Pick<Clock, 'nowMs'>,
): HealthCheck {
  return {
    name: 'server-certificate',
    paths: ['healthz', 'readyz'],
    async check() {
      const { validToDate } = new X509Certificate(certificate.current().cert);
      if (validToDate.getTime() > clock.nowMs()) return;
      throw new Error(`it ended at ${validToDate.toISOString()}; is the clock of this machine right?`);
    },
  };
}
