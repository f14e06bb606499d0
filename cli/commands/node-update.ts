/**
 * `bramble node update`: brings a bundle to boards, one after the other. Each board checks its signature, tries the version, and
 * goes back by itself when it does not come up; here it is only seen to that not too many boards are away at once.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hashFile } from '../../firmware-scripts/hash-file.ts';
import { StatusError } from '../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { sleep } from '../../shared/platform/clock.ts';
import { signBundle } from '../../shared/protocol/bundle-signature.ts';
import { CHANNEL, type ChannelFrame } from '../../shared/protocol/exchange.ts';
import { itemsOf, member, textOf } from '../api/select-objects.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { ClusterOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';
import { createProgress } from '../progress.ts';

export interface NodeUpdateOptions extends ClusterOptions {
  nodes: string[];
  all?: boolean;
  bundle: string;
  /** Data folder of a master: its key signs, where there is no file with a signature. */
  signWith?: string;
  /** Boards that may be away at once, the one that is updated included. */
  maxUnavailable: number;
  /** Milliseconds for one board. */
  timeout: number;
}

interface Bundle {
  path: string;
  sizeBytes: number;
  sha256: string;
  signature: string;
}

interface Board {
  name: string;
  isReady: boolean;
}

const POLL_MS = 2_000;

/** What a frame may hold. */
const CHUNK_BYTES = 32 * 1024;

type Note = (text: string) => void;

export async function updateNodes(context: Context, options: NodeUpdateOptions): Promise<void> {
  const bundle = await readBundle(options);
  const progress = createProgress(context.stderr, context.clock);
  const names = chooseBoards(await listBoards(context, options), options);
  for (const name of names) {
    await refuseBeyondBudget(context, options, name);
    const result = await progress.step(`Updating ${name}`, (note) =>
      updateOne(context, options, { name, bundle, note }),
    );
    writeResult(context, options, { object: `node/${name}`, result });
  }
}

async function readBundle({ bundle: path, signWith }: NodeUpdateOptions): Promise<Bundle> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isFile() !== true) {
    throw new Failure(EXIT.input, `there is no bundle ${path}`, 'npm run bundle -- --arch arm64 makes one');
  }
  const sha256 = await hashFile(path);
  return { path, sizeBytes: facts.size, sha256, signature: await readSignature(path, sha256, signWith) };
}

async function readSignature(path: string, sha256: string, signWith: string | undefined): Promise<string> {
  if (signWith !== undefined) {
    const key = await readFile(join(signWith, 'pki/ca.key'), 'utf8').catch(() => {
      throw new Failure(EXIT.cannotWrite, `${signWith} holds no key of a cluster that this user may read`);
    });
    return signBundle(sha256, key);
  }
  return readFile(`${path}.sig`, 'utf8').then(
    (text) => text.trim(),
    () => {
      throw new Failure(
        EXIT.input,
        `${path} is not signed: boards take nothing else`,
        'on the master: add --sign-with /var/lib/bramble; elsewhere: npm run bundle -- --sign-with DATA_DIR',
      );
    },
  );
}

function listBoards(context: Context, options: ClusterOptions): Promise<Board[]> {
  return withSession(context, options, async ({ api }) =>
    itemsOf(await api.object({ path: '/api/v1/nodes' })).map((node) => ({
      name: textOf(member(node, 'metadata')['name']),
      isReady: isReady(node),
    })),
  );
}

function isReady(node: JsonObject): boolean {
  const conditions = member(node, 'status')['conditions'];
  const ready = (Array.isArray(conditions) ? conditions.filter(isJsonObject) : []).find(({ type }) => type === 'Ready');
  return ready?.['status'] === 'True';
}

/** Pure. In the order that was asked for, or of their names. */
export function chooseBoards(
  boards: readonly Board[],
  { nodes, all = false }: Pick<NodeUpdateOptions, 'nodes' | 'all'>,
): string[] {
  if (all === nodes.length > 0)
    throw new Failure(EXIT.usage, 'name boards, or say --all', 'bramble node update node-01 …');
  const unknown = nodes.find((name) => boards.every((board) => board.name !== name));
  if (unknown !== undefined) throw new Failure(EXIT.input, `there is no node ${unknown}`);
  return all ? boards.map(({ name }) => name).sort() : nodes;
}

/** Pure. How many boards are away when this one is updated, too. */
export function countAway(boards: readonly Board[], name: string): number {
  return boards.filter((board) => board.name === name || !board.isReady).length;
}

async function refuseBeyondBudget(context: Context, options: NodeUpdateOptions, name: string): Promise<void> {
  const boards = await listBoards(context, options);
  if (!boards.some((board) => board.name === name && board.isReady)) {
    throw new Failure(
      EXIT.failed,
      `node/${name} is not ready: nothing was changed on it`,
      'updates are for boards that work',
    );
  }
  const away = countAway(boards, name);
  if (away <= options.maxUnavailable) return;
  throw new Failure(
    EXIT.failed,
    `${away} boards would be away at once with node/${name}, and ${options.maxUnavailable} may be`,
    'bring the others back first, or allow more with --max-unavailable',
  );
}

interface OneBoard {
  name: string;
  bundle: Bundle;
  note: Note;
}

async function updateOne(
  context: Context,
  options: NodeUpdateOptions,
  { name, bundle, note }: OneBoard,
): Promise<string> {
  const deadlineMs = context.clock.monotonicMs() + options.timeout;
  await withSession(context, options, (session) => sendBundle(session, { name, bundle, note }));
  note('waiting until the board says that it is ready');
  for (;;) {
    // A session each time: on the master's own board the master starts anew too.
    const state = await readState(context, options, name).catch(passWhileAway);
    const verdict = state && judge(state, bundle.sha256);
    if (verdict !== undefined) {
      if ('done' in verdict) return verdict.done;
      throw new Failure(
        EXIT.failed,
        `node/${name} went back to the version before: ${verdict.failed}`,
        'its log says more',
      );
    }
    if (context.clock.monotonicMs() > deadlineMs) {
      const hint = 'it goes back by itself when it does not come up; bramble get nodes';
      throw new Failure(EXIT.timeout, `node/${name} has not said how its update went`, hint);
    }
    await sleep(context.clock, POLL_MS, context.signal);
  }
}

function readState(context: Context, options: ClusterOptions, name: string): Promise<JsonObject> {
  return withSession(context, options, ({ api }) => api.object({ path: updatePath(name) }));
}

/** Agent or master start anew: they will be back. */
function passWhileAway(error: unknown): undefined {
  const isAway =
    (error instanceof StatusError && ['ServiceUnavailable', 'Timeout'].includes(error.reason)) ||
    (error instanceof Failure && error.exitCode === EXIT.unavailable);
  if (!isAway) throw error;
}

/** Pure. Undefined: it is on trial. */
export function judge(state: JsonObject, sha256: string): { done: string } | { failed: string } | undefined {
  const outcome = state['outcome'];
  if (state['sha256'] !== sha256 || outcome === 'trial') return undefined;
  if (outcome === 'failed') return { failed: String(state['failed'] ?? 'it does not say why') };
  return { done: `runs ${String(state['version'])}` };
}

function updatePath(name: string): string {
  return `/api/v1/nodes/${encodeURIComponent(name)}/proxy/update`;
}

async function sendBundle({ api }: Session, { name, bundle, note }: OneBoard): Promise<void> {
  const { sha256, signature } = bundle;
  const serve = await api.channels({ method: 'POST', path: updatePath(name), query: { sha256, signature } });
  const ended = new AbortController();
  let status = '';
  await serve({
    incoming: readFrames(bundle, note, ended.signal),
    async send(frame) {
      if ('close' in frame) return;
      const text = Buffer.from(frame.bytes).toString();
      if (frame.channel === CHANNEL.error) status += text;
      else note(text.trim());
    },
    close: () => ended.abort(),
  });
  if (status === '') throw new Failure(EXIT.unavailable, `the connection to node/${name} broke off`, 'try again');
  const answer: unknown = JSON.parse(status);
  if (isJsonObject(answer) && answer['status'] === 'Success') return;
  const why = isJsonObject(answer) ? String(answer['message']) : status;
  throw new Failure(EXIT.failed, `node/${name} did not take the bundle: ${why}`);
}

/** The bundle, then its end; stays open until the board has answered. */
async function* readFrames({ path, sizeBytes }: Bundle, note: Note, ended: AbortSignal): AsyncGenerator<ChannelFrame> {
  const closed = new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  let sent = 0;
  for await (const bytes of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    if (ended.aborted) return;
    yield { channel: CHANNEL.stdin, bytes };
    sent += bytes.length;
    note(`${basename(path)}: ${10 * Math.floor((10 * sent) / sizeBytes)} % sent`);
  }
  yield { channel: CHANNEL.stdin, close: true };
  await closed;
}
