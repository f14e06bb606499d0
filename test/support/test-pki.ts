/** A certificate authority in memory, for tests that dial over TLS. */
import {
  type CertificateAuthority,
  type KeyPair,
  openCertificateAuthority,
} from '../../master/gateway/pki/certificate-authority.ts';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import { systemRandom } from '../../shared/platform/random.ts';

export interface TestPki {
  authority: CertificateAuthority;
  /** For localhost and the loopback addresses, with the CA beside it. */
  server: KeyPair & { ca: string };
  client(commonName: string, ...organizations: string[]): KeyPair;
}

export async function createTestPki(clock: Pick<Clock, 'nowMs'> = systemClock): Promise<TestPki> {
  const files = new Map<string, string>();
  const write = async (name: string, text: string): Promise<void> => void files.set(name, text);
  const authority = await openCertificateAuthority({
    files: { read: async (name) => files.get(name), writePrivate: write, writePublic: write },
    clock,
    random: systemRandom,
  });
  const names = { dnsNames: ['localhost', 'bramble-master'], ipAddresses: ['127.0.0.1', '::1'] };
  return {
    authority,
    server: { ...authority.issueServerCertificate(names), ca: authority.certificate },
    client: (commonName, ...organizations) => authority.issueClientCertificate({ commonName, organizations }),
  };
}
