/** Asks the LAN for a name, as a program: `mdns-client.ts NAME` prints the addresses that are told within a second. */
import { createSocket } from 'node:dgram';
import { decode, encode } from 'dns-packet';
import { sleep, systemClock } from '../../shared/platform/clock.ts';
import { MDNS_GROUP, MDNS_PORT } from '../../shared/protocol/mdns/multicast.ts';
import { lanInterfaces } from '../../shared/protocol/mdns/node-multicast.ts';

const told = new Set<string>();
const socket = createSocket('udp4');
socket.on('message', (packet) => {
  for (const answer of decode(packet).answers ?? []) if (answer.type === 'A') told.add(answer.data);
});
socket.bind(0, () => {
  for (const address of lanInterfaces()) {
    socket.setMulticastInterface(address);
    socket.send(encode({ id: 1, questions: [{ name: process.argv[2] ?? '', type: 'A' }] }), MDNS_PORT, MDNS_GROUP);
  }
});
await sleep(systemClock, 1_000);
socket.close();
process.stdout.write(`${[...told].sort().join(' ')}\n`);
