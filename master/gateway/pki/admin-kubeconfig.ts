/** The administrator's kubeconfig: all that kubectl needs, in one file of mode 0600. */
import { X509Certificate } from 'node:crypto';
import type { CertificateAuthority, KeyPair } from './certificate-authority.ts';
import { readOptional, writeAtomically } from './pki-files.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** People copy this file to their laptops; it would be in the way if it ended each year. */
export const ADMIN_VALIDITY_MS = 5 * 365 * DAY_MS;

/** A new file is written at a start of the master when less than this is left. */
const ADMIN_MARGIN_MS = 365 * DAY_MS;

const ADMIN = { commonName: 'admin', organizations: ['system:masters'] };

export interface AdminKubeconfigOptions {
  path: string;
  /** `https://192.168.1.10:6443` */
  server: string;
  /** `mqtts://192.168.1.10:8883`: where the bramble command finds the same API; kubectl passes over it. */
  mqttServer?: string;
  authority: CertificateAuthority;
}

/** Leaves the file alone while it is good for this cluster and address. */
export async function ensureAdminKubeconfig(options: AdminKubeconfigOptions): Promise<void> {
  const { path, server, mqttServer, authority } = options;
  const pair = readPair(await readOptional(path));
  const isGood = pair !== undefined && authority.isValid(pair.cert, ADMIN_MARGIN_MS);
  const good = isGood ? pair : authority.issueClientCertificate(ADMIN, ADMIN_VALIDITY_MS);
  const text = renderKubeconfig({ server, mqttServer, ca: authority.certificate, user: 'admin', pair: good });
  if (text !== (await readOptional(path))) await writeAtomically(path, text, 0o600);
}

export interface KubeconfigContents {
  server: string;
  mqttServer?: string;
  /** PEM. */
  ca: string;
  user: string;
  pair: KeyPair;
}

export function renderKubeconfig({ server, mqttServer, ca, user, pair }: KubeconfigContents): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: bramble
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${toBase64(ca)}
${mqttServer === undefined ? '' : renderMqttExtension(mqttServer)}users:
- name: ${user}
  user:
    client-certificate-data: ${toBase64(pair.cert)}
    client-key-data: ${toBase64(pair.key)}
contexts:
- name: bramble
  context:
    cluster: bramble
    user: ${user}
current-context: bramble
`;
}

/** The name is that which the command line looks for, see cli/api/kubeconfig.ts. */
function renderMqttExtension(mqttServer: string): string {
  return `    extensions:
    - name: bramble.dev/mqtt
      extension:
        server: ${JSON.stringify(mqttServer)}
`;
}

/** The certificate and key of a file that this module wrote; undefined for anything else. */
function readPair(text: string | undefined): KeyPair | undefined {
  const read = (name: string): string | undefined => {
    const value = new RegExp(`^ *${name}: (\\S+)$`, 'm').exec(text ?? '')?.[1];
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  };
  const [cert, key] = [read('client-certificate-data'), read('client-key-data')];
  if (cert === undefined || key === undefined || !isCertificate(cert)) return undefined;
  return { cert, key };
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== '';
  } catch {
    return false;
  }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
