/** Questions to other name servers (adapter: sockets). Each has a port of its own, which an answer out of the blue has to guess. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { UpstreamDialer } from './dialer.ts';

export const nodeDialer: UpstreamDialer = {
  askByDatagram(upstream, { packet, accept, signal }) {
    return new Promise((resolve, reject) => {
      const socket = createSocket(upstream.address.includes(':') ? 'udp6' : 'udp4');
      let isOver = false;
      const finish = (settle: () => void): void => {
        if (isOver) return;
        isOver = true;
        signal.removeEventListener('abort', onAbort);
        socket.removeAllListeners('message');
        socket.close();
        settle();
      };
      const onAbort = (): void => finish(() => reject(signal.reason));
      signal.addEventListener('abort', onAbort, { once: true });
      socket.on('error', (error) => finish(() => reject(error)));
      socket.on('message', (answer) => {
        if (accept(answer)) finish(() => resolve(answer));
      });
      // A connected socket hears nobody else, and is told when nobody listens there.
      socket.connect(upstream.port, upstream.address, () => {
        if (!isOver) socket.send(packet, () => undefined);
      });
    });
  },

  askByStream(upstream, { packet, accept, signal }) {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: upstream.address, port: upstream.port, signal });
      let received = Buffer.alloc(0);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the name server closed the connection')));
      socket.once('connect', () => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(packet.length);
        socket.write(Buffer.concat([length, packet]));
      });
      // An answer has at most 64 KiB, as its length says; more is never kept.
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const answer = received.subarray(2, 2 + received.readUInt16BE(0));
        if (accept(answer)) resolve(answer);
        socket.destroy();
      });
    });
  },
};
