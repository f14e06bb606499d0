/**
 * A program for the networks of pods in tests: echoes over TCP, answers datagrams with a name, or talks from one socket:
 *
 *     talker.ts echo PORT             talker.ts name PORT NAME        talker.ts tcp|udp ADDRESS PORT [OWN PORT]
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [mode = '', first = '', second = '', third = '0'] = process.argv.slice(2);

function talkUdp(address: string, port: number, ownPort: number): void {
  const socket = createSocket('udp4').on('message', (answer) => void process.stdout.write(`${answer.toString()}\n`));
  // A refusal that the kernel tells is no answer; the next datagram may have one.
  socket.on('error', () => undefined).bind(ownPort);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => socket.send(line, port, address));
  lines.on('close', () => socket.close());
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
if (mode === 'name') answerUdp(Number(first), second);
if (mode === 'tcp') talkTcp(first, Number(second));
if (mode === 'udp') talkUdp(first, Number(second), Number(third));
