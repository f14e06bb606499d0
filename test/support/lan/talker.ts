/**
 * A program for the networks of pods in tests: echoes over TCP, answers datagrams with a name, tells over HTTP who asks, or
 * talks from one socket:
 *
 *     talker.ts echo PORT             talker.ts name PORT NAME        talker.ts peer PORT
 *     talker.ts tcp|udp ADDRESS PORT [OWN PORT]
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [mode = '', first = '', second = '', third = '0'] = process.argv.slice(2);

function talkUdp(address: string, port: number, ownPort: number): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (answer) => void process.stdout.write(`${answer.toString()}\n`));
  // A refusal that the kernel tells is no answer; the next datagram may have one.
  socket.on('error', () => undefined).bind(ownPort);
  // As resolvers do: answers from any other address are not heard.
  socket.connect(port, address);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => socket.send(line));
  lines.on('close', () => socket.close());
}

function tellPeer(socket: Socket): void {
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  socket.on('error', () => undefined);
  socket.once('data', () => socket.end(`HTTP/1.0 200 OK\r\n\r\n${peer}\n`));
}

function answerUdp(port: number, name: string): void {
  const socket = createSocket('udp4');
  socket.on('message', (_, from) => socket.send(name, from.port, from.address)).bind(port);
}

function talkTcp(address: string, port: number): void {
  const socket = connect(port, address);
  process.stdin.pipe(socket).pipe(process.stdout);
}

if (mode === 'echo') createServer((socket) => void socket.pipe(socket)).listen(Number(first));
if (mode === 'peer') createServer(tellPeer).listen(Number(first));
if (mode === 'name') answerUdp(Number(first), second);
if (mode === 'tcp') talkTcp(first, Number(second));
if (mode === 'udp') talkUdp(first, Number(second), Number(third));
