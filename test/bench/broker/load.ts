/**
 * Loads one broker from a process of its own: pairs of clients, one publishing to the other, each pair with at most a window
 * of messages on the way; or clients that only stay. Says "ready", waits for SIGUSR2, works, prints its figures as JSON.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { sleep, systemClock } from '../../../shared/platform/clock.ts';
import { percentile } from '../support/statistics.ts';
import { connectLoadClient, type LoadClient, type LoadTarget } from './load-client.ts';

const PAYLOAD_BYTES = 100;
const WINDOW = 20;

/** Connections that are made side by side. */
const CONNECT_TOGETHER = 20;

const [mode = '', host = '', port = '', caFile = '', username = '', password = '', count = '', seconds = ''] =
  process.argv.slice(2);
const ca = caFile === '' ? undefined : await readFile(caFile, 'utf8');
const target: LoadTarget = { host, port: Number(port), ca, username, password };

async function connectAll(names: readonly string[]): Promise<LoadClient[]> {
  const clients: LoadClient[] = [];
  for (let start = 0; start < names.length; start += CONNECT_TOGETHER) {
    const some = names.slice(start, start + CONNECT_TOGETHER);
    clients.push(...(await Promise.all(some.map((name) => connectLoadClient(target, name)))));
  }
  return clients;
}

async function stay(): Promise<void> {
  const names = Array.from({ length: Number(count) }, (_, index) => `idle-${process.pid}-${index}`);
  const clients = await connectAll(names);
  await Promise.all(clients.map((client, index) => client.subscribe(`bench/idle/${index}`, 0)));
  const go = once(process, 'SIGUSR2');
  process.stdout.write('ready\n');
  await go;
  for (const client of clients) client.close();
}

interface Progress {
  received: number;
}

/** The next message goes out when one has arrived, and is confirmed where that is asked for. */
function startPair(publisher: LoadClient, subscriber: LoadClient, settings: { topic: string; qos: 0 | 1 }): Progress {
  const message = { ...settings, payload: Buffer.alloc(PAYLOAD_BYTES, 'x') };
  const progress = { received: 0, confirmed: 0 };
  let sent = WINDOW;
  const goOn = (): void => {
    const done = settings.qos === 0 ? progress.received : Math.min(progress.received, progress.confirmed);
    const free = done + WINDOW - sent;
    if (free <= 0) return;
    sent += free;
    publisher.publish(message, free);
  };
  publisher.onProgress((_, confirmed) => {
    progress.confirmed += confirmed;
    goOn();
  });
  subscriber.onProgress((messages) => {
    progress.received += messages;
    goOn();
  });
  publisher.publish(message, WINDOW);
  return progress;
}

async function load(qos: 0 | 1): Promise<void> {
  const indexes = Array.from({ length: Number(count) }, (_, index) => index);
  const publishers = await connectAll(indexes.map((index) => `pub-${process.pid}-${index}`));
  const subscribers = await connectAll(indexes.map((index) => `sub-${process.pid}-${index}`));
  const pairs: Progress[] = [];
  for (const [index, subscriber] of subscribers.entries()) {
    const publisher = publishers[index];
    const topic = `bench/load/${index}`;
    await subscriber.subscribe(topic, qos);
    if (publisher !== undefined) pairs.push(startPair(publisher, subscriber, { topic, qos }));
  }
  const total = (): number => pairs.reduce((sum, { received }) => sum + received, 0);
  const go = once(process, 'SIGUSR2');
  process.stdout.write('ready\n');
  await go;
  const before = total();
  const startMs = systemClock.monotonicMs();
  const rates: number[] = [];
  for (let second = 0; second < Number(seconds); second += 1) {
    const [from, fromMs] = [total(), systemClock.monotonicMs()];
    await sleep(systemClock, 1_000);
    rates.push(((total() - from) * 1_000) / (systemClock.monotonicMs() - fromMs));
  }
  const messages = total() - before;
  const tookMs = systemClock.monotonicMs() - startMs;
  const result = { messages, perSecond: (messages * 1_000) / tookMs, medianPerSecond: percentile(rates, 50) };
  process.stdout.write(`result ${JSON.stringify(result)}\n`);
  for (const client of [...publishers, ...subscribers]) client.close();
}

if (mode === 'idle') await stay();
else await load(mode === 'qos1' ? 1 : 0);
process.exit(0);
