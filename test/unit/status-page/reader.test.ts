/** A reader over a real socket: one that takes nothing is dropped, and nothing is kept for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { DeltaLog } from '../../../master/status-page/live/delta-log.ts';
import { MAX_STALL_MS, Reader, type Source } from '../../../master/status-page/live/reader.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const MESSAGE_BYTES = 200_000;
const MESSAGES = 400;

async function withPair(work: (server: WebSocket, client: WebSocket) => Promise<void>): Promise<void> {
  const door = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(door, 'listening');
  const address = door.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const connected = once(door, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const [server] = await connected;
  await once(client, 'open');
  try {
    await work(server, client);
  } finally {
    client.terminate();
    server.terminate();
    await new Promise((resolve) => door.close(resolve));
  }
}

function source(): Source {
  return { epoch: 'e', log: new DeltaLog(), parts: () => [] };
}

test('a page that takes nothing falls out of the log and is dropped; one message at most waits for it', async () => {
  await withPair(async (server, client) => {
    const feed = source();
    const reader = new Reader(server, createVirtualClock());
    await reader.begin(feed, undefined);
    client.pause();
    const closed = once(server, 'close');
    let most = 0;
    for (let index = 0; index < MESSAGES && server.readyState === WebSocket.OPEN; index += 1) {
      feed.log.append((sequence) => `${sequence} ${'x'.repeat(MESSAGE_BYTES)}`);
      reader.wake();
      most = Math.max(most, server.bufferedAmount);
      // As long as the kernel takes something, so does the page.
      await new Promise((resolve) => process.nextTick(resolve));
    }
    // What was under way ends in nothing now: the reader asks for the next one, which is gone.
    client.resume();
    await closed;
    assert.ok(most <= 2 * MESSAGE_BYTES, `${most} bytes`);
  });
});

test('a message that does not leave in time ends the connection', async () => {
  await withPair(async (server, client) => {
    const feed = source();
    const clock = createVirtualClock();
    const reader = new Reader(server, clock);
    await reader.begin(feed, undefined);
    client.pause();
    feed.log.append(() => 'x'.repeat(64 * 1024 * 1024));
    reader.wake();
    const closed = once(server, 'close');
    reader.beat();
    assert.equal(server.readyState, WebSocket.OPEN);
    await clock.advance(MAX_STALL_MS + 1);
    reader.beat();
    await closed;
  });
});
