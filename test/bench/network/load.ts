/**
 * Both ends of a measured path, in the networks of pods:
 *
 *     load.ts sink PORT                  reads everything and says so at the end; echoes a single byte
 *     load.ts send ADDRESS PORT BYTES    one connection full of bytes
 *     load.ts connect ADDRESS PORT COUNT connections one byte each, some at a time
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const [mode = '', first = '', second = '', third = '0'] = process.argv.slice(2);

const CHUNK = Buffer.alloc(256 * 1024);
const AT_A_TIME = 16;

function sink(port: number): void {
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).resume();
    socket.on('end', () => socket.end('k'));
  }).listen(port, '0.0.0.0', 1024);
}

async function send(host: string, port: number, bytes: number): Promise<void> {
  const socket = connect({ host, port, allowHalfOpen: true });
  await once(socket, 'connect');
  for (let sent = 0; sent < bytes; sent += CHUNK.length) if (!socket.write(CHUNK)) await once(socket, 'drain');
  socket.end();
  await once(socket.resume(), 'end');
}

async function connectMany(host: string, port: number, count: number): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const socket = connect({ host, port, allowHalfOpen: true });
      socket.end('x');
      await once(socket.resume(), 'close');
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

if (mode === 'sink') sink(Number(first));
else {
  const work = mode === 'send' ? send : connectMany;
  const startNs = process.hrtime.bigint();
  await work(first, Number(second), Number(third));
  process.stdout.write(`${Number(process.hrtime.bigint() - startNs) / 1e9}\n`);
}
