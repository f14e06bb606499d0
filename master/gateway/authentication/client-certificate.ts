/**
 * Users by client certificate: the common name is the user, the organizations are the groups. Source: Kubernetes,
 * "X509 client certificates". The TLS layer has verified the certificate against the cluster's CA before.
 */
import type { X509Certificate } from 'node:crypto';
import { GROUP, type UserInfo } from '../../apiserver/user-info.ts';
import { unauthorized } from './unauthorized.ts';

export function userOfCertificate(certificate: X509Certificate): UserInfo {
  const { CN, O } = readSubject(certificate);
  const [name, ...others] = CN;
  if (name === undefined || name === '' || others.length > 0) {
    throw unauthorized('the client certificate must have one common name');
  }
  const groups = [...O.filter((group) => group !== GROUP.authenticated), GROUP.authenticated];
  return { name, uid: '', groups, extra: {} };
}

/** Node joins the parts of a subject with newlines and escapes them; the legacy object keeps them apart. */
function readSubject(certificate: X509Certificate): { CN: string[]; O: string[] } {
  const { subject } = certificate.toLegacyObject();
  return { CN: asList(subject.CN), O: asList(subject.O) };
}

/** One value is a string, several are a list; Node's types know of the string only. */
function asList(value: unknown): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
