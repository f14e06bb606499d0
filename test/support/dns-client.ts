/** A client of DNS for tests, as a program to be started anywhere: `dns-client.ts SERVER NAME TYPE [tcp]` prints the answer. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { decode, encode, type RecordType, streamDecode, streamEncode } from 'dns-packet';
import { renderZone } from './render-zone.ts';

async function ask(server: string, question: { name: string; type: RecordType }, isStream: boolean) {
  const packet = { id: 1, flags: 0x100, questions: [question] };
  if (isStream) {
    const socket = connect(53, server);
    socket.write(streamEncode(packet));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return streamDecode(answer);
  }
  const socket = createSocket('udp4');
  socket.send(encode(packet), 53, server);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return decode(answer);
}

const [server = '', name = '', type = 'A', transport] = process.argv.slice(2);
const { answers = [], ...rest } = await ask(server, { name, type: type as RecordType }, transport === 'tcp');
const rcode = 'rcode' in rest ? String(rest.rcode) : '';
process.stdout.write(`${[rcode, ...renderZone(answers)].join('\n')}\n`);
