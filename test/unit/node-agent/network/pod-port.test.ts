/** The port of a pod: what is done, in which order, and what is said when it fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachPort, renderPodEnd } from '../../../../node-agent/network/pod-port.ts';
import type { Shell } from '../../../../shared/platform/shell.ts';

const PLACE = { bridge: 'br-bramble-1', subnets: ['10.42.1.0/24', 'fd42:0:0:1::/64'] };
const PORT = { name: 'veth0123456789a', pid: 4711, addresses: ['10.42.1.17', 'fd42:0:0:1::11'] };
const KERNEL = { nodePid: 12, knowsIpv6: true };
const settings = { read: async () => undefined, write: async () => true, list: async () => [] };

test("the pod's end: its addresses, the node's first address as the way out", () => {
  assert.deepEqual(renderPodEnd(PLACE, PORT, KERNEL), [
    'link add name eth0 address 02:42:0a:2a:01:11 type veth peer name veth0123456789a netns 12',
    'address add 10.42.1.17/24 dev eth0',
    'address add fd42:0:0:1::11/64 dev eth0 nodad',
    'link set dev eth0 up',
    'route add default via 10.42.1.1 dev eth0',
    'route add default via fd42:0:0:1::1 dev eth0',
  ]);
  assert.equal(renderPodEnd(PLACE, { ...PORT, addresses: ['10.42.2.17'] }, KERNEL), undefined);
  assert.equal(renderPodEnd(PLACE, { ...PORT, addresses: [] }, KERNEL), undefined);
});

test('a pod without an IPv6 address has none at all, where the kernel has the family', () => {
  const port = { ...PORT, addresses: ['10.42.1.17'] };
  const isOff = (knowsIpv6: boolean): boolean | undefined =>
    renderPodEnd(PLACE, port, { nodePid: 12, knowsIpv6 })?.includes('link set dev eth0 addrgenmode none');
  assert.deepEqual([isOff(true), isOff(false)], [true, false]);
  assert.ok(!renderPodEnd(PLACE, PORT, KERNEL)?.some((command) => command.includes('addrgenmode')));
});

test('the port joins the bridge last, and only when the pod has its end', async () => {
  const ran: string[][] = [];
  const open = (code: number): Shell => ({
    run: async (...command) => {
      ran.push(command.flat().map(String));
      return { code, stdout: '', stderr: 'no such device\n' };
    },
  });
  const attach = (code: number) => attachPort({ shell: open(code), settings, nodePid: 12 }, PLACE, PORT);
  assert.equal(await attach(0), undefined);
  const [program, , script = '', , ...rest] = ran[0] ?? [];
  assert.deepEqual([program, ran.length], ['sh', 1]);
  assert.match(script, /^nsenter .* ip -batch - && .* ip link set .* master/);
  assert.deepEqual(rest.slice(0, 3), ['/proc/4711/ns/net', 'veth0123456789a', 'br-bramble-1']);
  assert.equal(await attach(1), 'ip: no such device');
});
