/**
 * A fleet that is only told: boards, readings, pods, events and services written through the API of a master in this process,
 * and half a day of history, so that the page has everything to show. Nothing runs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPage } from '../../../cli/build-page.ts';
import { createApiServer } from '../../../master/apiserver/api-server.ts';
import { componentUser } from '../../../master/apiserver/user-info.ts';
import { History } from '../../../master/status-page/history/history.ts';
import { SLOT_MS, SLOTS } from '../../../master/status-page/history/ring.ts';
import { createStatusPage } from '../../../master/status-page/status-page.ts';
import { openSqliteStore } from '../../../master/store/sqlite-store.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import { formatTime, systemClock } from '../../../shared/platform/clock.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { systemRandom } from '../../../shared/platform/random.ts';
import type { Request } from '../../../shared/protocol/exchange.ts';
import { VERSION } from '../../conformance/api-fixture.ts';

export interface Fleet {
  url: string;
  send(method: Request['method'], path: string, body?: object): Promise<void>;
  stop(): Promise<void>;
}

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };

export interface TestBoard {
  name: string;
  model?: string;
  ready?: boolean;
  celsius: number;
  /** Of the CPU, 0 to 1. */
  load: number;
  memory: number;
  disk: number;
  more?: object;
  cordoned?: boolean;
}

export async function startFleet(boards: readonly TestBoard[]): Promise<Fleet> {
  const store = await openSqliteStore({ ...BASE, path: ':memory:', schedule: queueMicrotask });
  const server = createApiServer({ ...BASE, store, kinds: ALL_KINDS, version: VERSION });
  await server.start();
  const handlerOf = (user: string) => (request: Request) => server.handle(request, componentUser(user));
  const send = async (method: Request['method'], path: string, body?: object): Promise<void> => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = { accept: 'application/json', 'content-type': type };
    await handlerOf('admin')({
      ...{ method, path, query: {}, headers, signal: new AbortController().signal },
      ...(body === undefined ? {} : { body: { ...body } }),
    });
  };
  const history = new History();
  for (const board of boards) {
    await writeBoard(send, board);
    remember(history, board);
  }
  const folder = await mkdtemp(join(tmpdir(), 'bramble-fleet-'));
  await buildPage(folder);
  const page = createStatusPage({
    ...{ ...BASE, folder, history, access: 'open', host: '127.0.0.1', port: 0 },
    handler: handlerOf('system:status-page'),
    signIn: async (token) => ({ name: token, handler: handlerOf(token) }),
  });
  await page.start();
  return {
    url: `http://127.0.0.1:${page.port}/`,
    send,
    async stop() {
      await page.stop();
      await server.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const GIB = 1024 ** 3;

async function writeBoard(send: Fleet['send'], board: TestBoard): Promise<void> {
  const { name, model = 'Raspberry Pi 4 Model B', ready = true, celsius, load, memory, disk, more = {} } = board;
  const since = formatTime(systemClock.nowMs() - (ready ? 9 * 86_400_000 : 1_500_000));
  const condition = {
    ...{ type: 'Ready', status: ready ? 'True' : 'Unknown', lastTransitionTime: since, lastHeartbeatTime: since },
    ...{ reason: ready ? 'Ready' : 'NodeStatusUnknown', message: ready ? 'ready' : 'its link is down' },
  };
  await send('POST', '/api/v1/nodes', {
    ...{ apiVersion: 'v1', kind: 'Node' },
    metadata: { name, annotations: { 'bramble.dev/model': model } },
    spec: board.cordoned ? { unschedulable: true } : {},
  });
  await send('PATCH', `/api/v1/nodes/${name}/status`, {
    status: {
      capacity: { cpu: '4', memory: '4Gi', pods: '110' },
      conditions: [condition],
      addresses: [{ type: 'InternalIP', address: `192.168.1.${40 + name.length}` }],
      nodeInfo: { osImage: 'Debian GNU/Linux 13', architecture: 'arm64' },
    },
  });
  await send('POST', '/apis/bramble.dev/v1/nodesensors', {
    ...{ apiVersion: 'bramble.dev/v1', kind: 'NodeSensors', metadata: { name } },
    timestamp: formatTime(systemClock.nowMs()),
    usage: { cpu: `${Math.round(load * 4_000)}m`, memory: `${Math.round(memory * 4 * 1024)}Mi` },
    ...{ temperatureCelsius: celsius, throttleCelsius: 80, loadAverage1: load * 4 },
    ...{ diskTotalBytes: 32 * GIB, diskAvailableBytes: Math.round((1 - disk) * 32 * GIB), diskWrittenBytes: 3 * GIB },
    ...more,
  });
}

/** The last twelve hours end in what the board reads now. */
function remember(history: History, { name, ready = true, celsius, load, memory, disk }: TestBoard): void {
  const nowMs = systemClock.nowMs();
  const slots = SLOTS - 1;
  for (let slot = 0; slot <= slots; slot += 1) {
    const atMs = nowMs - (slots - slot) * SLOT_MS;
    if (!ready && atMs > nowMs - 1_500_000) break;
    const left = (slots - slot) / slots;
    const wave = Math.sin(slot / 55 + name.length) + Math.sin(slot / 17) / 3;
    history.addSample(name, atMs, {
      celsius: celsius + wave * 2.4 - left * 6,
      cpuPercent: Math.max(1, load * 100 + wave * 9 * left),
      memoryPercent: memory * 100 - left * 5 + wave,
      diskPercent: disk * 100 - left,
      diskWrittenBytes: 3 * GIB - left * 0.3 * GIB,
    });
  }
  const upSinceMs = nowMs - 6.4 * 86_400_000;
  history.setState(name, nowMs - 20_000_000, { isUp: true, sinceMs: upSinceMs });
  if (name.endsWith('3')) history.setState(name, nowMs - 19_000_000, { isUp: false, sinceMs: nowMs - 19_900_000 });
  history.setState(name, nowMs, { isUp: ready, sinceMs: ready ? nowMs - 19_000_000 : nowMs - 1_500_000 });
}
