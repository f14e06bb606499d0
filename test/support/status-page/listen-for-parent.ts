/** Listens on the ports that its parent names and hands the sockets over, which stay of the namespace that this program is in. */
import { createServer } from 'node:net';

process.on('message', ({ port }: { port: number }) => {
  const server = createServer();
  server.once('error', ({ message }) => process.send?.({ message }));
  server.listen(port, '127.0.0.1', () => process.send?.({}, server, {}, () => server.close()));
});
process.on('disconnect', () => process.exit());
process.send?.({});
