/** A name server of the outside world for tests, as a program: every name below `test` is 192.0.2.80, for two seconds. */
import { createSocket } from 'node:dgram';
import { decode, encode } from 'dns-packet';

const socket = createSocket('udp4');
socket.on('message', (packet, { address, port }) => {
  const { id = 0, questions = [] } = decode(packet);
  const [question] = questions;
  const isKnown = question?.type === 'A' && question.name.endsWith('.test');
  const answers = isKnown ? [{ name: question.name, type: 'A' as const, ttl: 2, data: '192.0.2.80' }] : [];
  const data = { mname: 'ns.test', rname: 'x.test', minimum: 2 };
  const authorities = isKnown ? [] : [{ name: 'test', type: 'SOA' as const, ttl: 2, data }];
  socket.send(
    encode({ id, type: 'response', flags: 0x8180 | (isKnown ? 0 : 3), questions, answers, authorities }),
    port,
    address,
  );
});
socket.bind(53);
