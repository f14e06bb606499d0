/** A client of WebSockets for tests, as a program: `ws-client.ts URL HOST CA-FILE WORD` says the word and prints the answer. */
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';

const [url = '', host = '', caFile = '', word = ''] = process.argv.slice(2);
const options = { headers: { host }, servername: host, ca: readFileSync(caFile) };
const socket = new WebSocket(url, options);
socket.on('open', () => socket.send(word));
socket.on('message', (data) => {
  process.stdout.write(`${String(data)}\n`);
  socket.close();
});
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
