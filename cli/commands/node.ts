/**
 * `bramble node approve|reboot|shutdown`: lets a board in that waits, and turns boards off or starts them again. Who may is a
 * matter of rights: certificatesigningrequests/approval, nodes/reboot, nodes/shutdown.
 */
import { StatusError } from '../../shared/machinery/errors.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { CertificateRequestError, parseCertificateRequest } from '../../shared/protocol/x509/certificate-request.ts';
import { itemsOf, member, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import { confirmByTyping } from '../ask.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { ClusterOptions } from '../options.ts';
import { type ResultOptions, writeResult } from '../print/result.ts';
import { writeSchedulable } from './cordon.ts';

export interface ApproveOptions extends ClusterOptions {
  nodes: string[];
  all?: boolean;
}

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

/** A board's certificate says who it is. */
const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

export async function approveNodes(context: Context, { nodes, all, ...options }: ApproveOptions): Promise<void> {
  await withSession(context, options, async (session) => {
    const waiting = itemsOf(await session.api.object({ path: REQUESTS })).filter(isWaiting);
    const chosen = nodes.length === 0 && !all ? [] : waiting.filter((one) => all || isMeant(one, nodes));
    if (nodes.length === 0 && !all) return listWaiting(context, options, waiting);
    const missing = nodes.find((name) => !waiting.some((one) => isMeant(one, [name])));
    if (missing !== undefined) throw new Failure(EXIT.failed, `no board waits under ${missing}`, adviceFor(waiting));
    for (const request of chosen) await approve(context, session, { request, options });
  });
}

function isWaiting(request: JsonObject): boolean {
  const isNode = member(request, 'spec')['signerName'] === SIGNER;
  const conditions = member(request, 'status')['conditions'];
  return isNode && (!Array.isArray(conditions) || conditions.length === 0);
}

/** By the name of the board that it is for, or by its own. */
function isMeant(request: JsonObject, names: readonly string[]): boolean {
  return names.includes(nameOf(request)) || names.includes(boardOf(request));
}

function nameOf(request: JsonObject): string {
  return textOf(member(request, 'metadata')['name']);
}

/** The certificate is asked for in the name of the board: `system:node:pi-1`. */
export function boardOf(request: JsonObject): string {
  const pem = Buffer.from(textOf(member(request, 'spec')['request']), 'base64').toString('utf8');
  try {
    const { commonName } = parseCertificateRequest(pem).subject;
    return /^system:node:(.+)$/.exec(commonName)?.[1] ?? nameOf(request);
  } catch (error) {
    if (error instanceof CertificateRequestError) return nameOf(request);
    throw error;
  }
}

function adviceFor(waiting: readonly JsonObject[]): string {
  return waiting.length === 0 ? 'no board waits' : `these wait: ${waiting.map(boardOf).join(', ')}`;
}

function listWaiting(context: Context, options: ResultOptions, waiting: readonly JsonObject[]): void {
  if (waiting.length === 0 && !options.json) context.stdout.write('no board waits to be approved\n');
  for (const request of waiting) {
    const [board, name] = [boardOf(request), nameOf(request)];
    writeResult(
      context,
      options,
      { object: `node/${board}`, result: 'waits', request: name },
      `${board} waits (${name})`,
    );
  }
}

async function approve(
  context: Context,
  { api }: Session,
  { request, options }: { request: JsonObject; options: ResultOptions },
): Promise<void> {
  const reason = { type: 'Approved', status: 'True', reason: 'BrambleNodeApprove', message: 'approved by a person' };
  await api.object({
    method: 'PUT',
    path: `${REQUESTS}/${encodeURIComponent(nameOf(request))}/approval`,
    body: { ...request, status: { ...member(request, 'status'), conditions: [reason] } },
  });
  const board = boardOf(request);
  writeResult(context, options, { object: `node/${board}`, result: 'approved' }, `${board} approved`);
}

export interface PowerOptions extends ClusterOptions {
  nodes: string[];
  action: 'reboot' | 'shutdown';
  yes?: boolean;
  cordon?: boolean;
}

const DONE = { reboot: 'reboots', shutdown: 'shuts down' } as const;

export async function switchNodes(context: Context, options: PowerOptions): Promise<void> {
  const { nodes, action, yes, cordon } = options;
  await withSession(context, options, async ({ api }) => {
    // A name that is misspelt is told before anything is done.
    for (const name of nodes) await api.object({ path: nodePath(name) });
    if (!yes) await confirm(context, action, nodes);
    for (const name of nodes) {
      if (cordon) await writeSchedulable(context, api, { ...options, name, cordon: true });
      await api.object({ method: 'POST', path: `${nodePath(name)}/${action}`, body: {} }).catch((error) => {
        if (!(error instanceof StatusError) || error.reason !== 'Forbidden') throw error;
        throw new Failure(
          EXIT.notAllowed,
          error.message,
          `start its agent with --power-control on, or get the right nodes/${action}`,
        );
      });
      writeResult(context, options, { object: `node/${name}`, result: DONE[action] });
    }
  });
}

async function confirm(context: Context, action: PowerOptions['action'], nodes: readonly string[]): Promise<void> {
  const [only] = nodes;
  const word = nodes.length === 1 && only !== undefined ? only : String(nodes.length);
  const what = nodes.length === 1 ? `Type its name to ${action} ${word}: ` : `Type how many boards to ${action}: `;
  context.stderr.write(`Pods on ${nodes.join(', ')} are interrupted.\n`);
  await confirmByTyping(context, what, word);
}

function nodePath(name: string): string {
  return `/api/v1/nodes/${encodeURIComponent(name)}`;
}
