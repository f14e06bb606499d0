/**
 * Asks a master for the time before anything else is said to it (adapter: opens a TLS connection). The connection is
 * encrypted to whoever holds the key of a certificate that the cluster's CA has signed; its dates are the caller's business.
 */
import type { X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { parseTime } from '../../shared/platform/clock.ts';
import { MASTER_SERVER_NAME, TIME_PROTOCOL } from '../../shared/protocol/join-token.ts';
import { complaintAboutIssuer } from './master-certificate.ts';
import type { MasterAddress } from './presented-ca.ts';

export interface MasterTime {
  nowMs: number;
  certificate: X509Certificate;
}

const TIMEOUT_MS = 10_000;

/** `2026-11-22T10:00:00.000Z\n` */
const MAX_ANSWER_CHARS = 64;

/** Rejects when nobody answers, when it is not a master of this cluster, or when the answer is no time. */
export async function askMasterTime(address: MasterAddress, ca: X509Certificate): Promise<MasterTime> {
  const socket = connect({
    ...address,
    servername: MASTER_SERVER_NAME,
    ALPNProtocols: [TIME_PROTOCOL],
    // Judged below, without the dates; nothing is sent to the server at all.
    rejectUnauthorized: false,
  });
  try {
    const certificate = await handshake(socket, ca);
    const nowMs = parseTime((await readAnswer(socket)).trim());
    if (nowMs === undefined) throw new Error('the master does not tell the time');
    return { nowMs, certificate };
  } finally {
    socket.destroy();
  }
}

function handshake(socket: TLSSocket, ca: X509Certificate): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) return reject(new Error('the server shows no certificate'));
      const complaint = complaintAboutIssuer(certificate, ca);
      if (complaint !== undefined) return reject(new Error(complaint));
      if (socket.alpnProtocol !== TIME_PROTOCOL) return reject(new Error('the master does not tell the time'));
      return resolve(certificate);
    });
  });
}

async function readAnswer(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_ANSWER_CHARS) throw new Error('the master gives a long answer where a time was asked for');
  }
  return text;
}
