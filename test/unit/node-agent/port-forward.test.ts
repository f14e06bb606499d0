/** Connections into pods, over real sockets: bytes both ways, half-closed ends, refusals, and nothing left behind. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { nodePortDialer } from '../../../node-agent/kubelet/api/node-port-dialer.ts';
import { PortForwards } from '../../../node-agent/kubelet/api/port-forward.ts';
import { NOTHING_OBSERVED } from '../../../node-agent/kubelet/pod/observed-pod.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ChannelFrame, Request } from '../../../shared/protocol/exchange.ts';
import { FrameQueue } from '../../../shared/protocol/frame-queue.ts';
import { waitFor } from '../../support/wait.ts';

describe('port-forward of a node', () => {
  const open = { now: 0 };
  let server: Server;
  let port: number;

  before(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      open.now += 1;
      socket.on('close', () => {
        open.now -= 1;
      });
      socket.on('data', (bytes) => socket.write(`echo ${bytes}`));
      socket.on('end', () => socket.end(' bye'));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
  after(() => server.close());

  const pod = { metadata: { name: 'web', namespace: 'default', uid: '1' }, spec: { hostNetwork: true } } as Pod;
  const forwards = new PortForwards({
    pods: {
      get: (key) =>
        key === 'default/web'
          ? pod
          : key === 'default/early'
            ? { ...pod, spec: { ...pod.spec, hostNetwork: false } }
            : undefined,
    },
    state: { current: async () => NOTHING_OBSERVED },
    runtime: {},
    openPorts: async () => nodePortDialer,
  });
  const ask = (name: string, asked: string) => {
    const request: Request = {
      method: 'GET',
      path: '/',
      query: { port: [asked] },
      headers: {},
      signal: new AbortController().signal,
    };
    return forwards.answer(request, { namespace: 'default', pod: name });
  };

  async function talk(say: (incoming: FrameQueue) => Promise<void>): Promise<string> {
    const response = await ask('web', String(port));
    assert.equal(response.type, 'channels');
    if (response.type !== 'channels') return '';
    const incoming = new FrameQueue();
    let heard = '';
    const send = async (frame: ChannelFrame): Promise<void> => {
      if ('bytes' in frame) heard += Buffer.from(frame.bytes).toString();
    };
    const served = response.serve({ incoming, send, close: () => incoming.end() });
    await say(incoming);
    await served;
    return heard;
  }

  it('carries bytes both ways, and the end of one side', async () => {
    const heard = await talk(async (incoming) => {
      await incoming.push({ channel: 0, bytes: Buffer.from('hi') });
      await incoming.push({ channel: 0, close: true });
    });
    assert.equal(heard, 'echo hi bye');
  });
  it('lets go when the client is gone', async () => {
    await talk(async (incoming) => {
      await incoming.push({ channel: 0, bytes: Buffer.from('hi') });
      incoming.end();
    });
    await waitFor('the connection to be closed', () => open.now === 0);
  });
  it('counts what is open', async () => {
    for (let count = 0; count < 200; count += 1) await talk(async (incoming) => incoming.end());
  });
  const refusals: [string, string, string, RegExp][] = [
    ['an unknown pod', 'nobody', '80', /pods "nobody" not found/],
    ['a pod that does not run', 'early', '80', /pod web is not running/],
    ['a port that is none', 'web', '0', /port must be a number/],
    ['a port where nobody listens', 'web', '1', /connection refused: no program listens there/],
  ];
  for (const [what, name, asked, message] of refusals) {
    it(`refuses ${what}`, () => assert.rejects(ask(name, asked), { message }));
  }
  it('reaches a program on the loopback of the pod by its process', { skip: process.getuid?.() !== 0 }, async () => {
    // Nobody listens on the second address of this machine: the way in is the network of this very process.
    const connection = await nodePortDialer.dial({ host: '127.0.0.2', port, pid: async () => process.pid });
    await connection.write(Buffer.from('inside'));
    for await (const bytes of connection.output) {
      assert.equal(Buffer.from(bytes).toString(), 'echo inside');
      break;
    }
    connection.close();
    await waitFor('the connection to be closed', () => open.now === 0);
  });
});
