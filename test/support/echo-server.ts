/** A web server for tests, as a program: `echo-server.ts PORT` tells each request what it was, and repeats to WebSockets. */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocketServer } from 'ws';

const server = createServer((request, response) => {
  const { method, url, headers } = request;
  void text(request).then((body) => response.end(JSON.stringify({ method, url, headers, body })));
});
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data) => socket.send(`echo ${String(data)}`));
});
server.listen(Number(process.argv[2]));
