/** How containers begin, are asked how they are, end and begin again. On real Docker. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Pod } from '../../shared/api/pod.ts';
import { PodKind } from '../../shared/api/pod.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { parseTime, systemClock } from '../../shared/platform/clock.ts';
import { hasDocker } from '../support/docker.ts';
import { container, isReady, openPodNode, type PodNode, statusOf, until } from '../support/pod-node.ts';
import { createTestPki } from '../support/test-pki.ts';

let node: PodNode;
let web: Server;
let secure: SecureServer;
let grpc: Http2Server;
/** Requests that hooks and probes have sent. */
const asked: string[] = [];
const health = { isServing: true };

/** The standard health service: field 1 of the answer is 1 when it serves. */
function serveHealth(stream: ServerHttp2Stream): void {
  // The name of the service is the one field of the question.
  stream.on('data', (bytes: Buffer) => asked.push(`grpc ${bytes.subarray(7).toString()}`));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, health.isServing ? 1 : 2]));
}

async function openServers(): Promise<void> {
  web = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers['x-from'] ?? ''}`.trim());
    response.writeHead(request.url === '/sick' ? 500 : 200).end();
  });
  const { server } = await createTestPki();
  secure = createSecureServer({ cert: server.cert, key: server.key }, (request, response) => {
    asked.push(`https ${request.url}`);
    response.end();
  });
  grpc = createHttp2Server().on('stream', serveHealth);
  await Promise.all(
    [web, secure, grpc].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
  );
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const sh = (script: string): string[] => ['sh', '-c', script];
const note = (word: string): string => `echo ${word} >> /shared/notes`;
const forever = (begin: string): string[] => sh(`${begin}; trap 'exit 0' TERM; while :; do sleep 1000 & wait; done`);

/** Pods that write into the directory that the test reads. */
function sharing(pod: string, spec: JsonObject): JsonObject {
  const hostPath = { path: join(node.shared, pod), type: 'DirectoryOrCreate' };
  const mount = { name: 'shared', mountPath: '/shared' };
  const withMount = (items: unknown): unknown =>
    Array.isArray(items) ? items.map((item) => ({ ...item, volumeMounts: [mount] })) : items;
  return {
    ...spec,
    ...(spec['initContainers'] ? { initContainers: withMount(spec['initContainers']) } : {}),
    containers: withMount(spec['containers']),
    volumes: [{ name: 'shared', hostPath }],
  };
}

function notes(pod: string): string[] {
  const file = join(node.shared, pod, 'notes');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

const ORDER = {
  initContainers: [
    container({ name: 'first', command: sh(note('first')) }),
    container({
      ...{ name: 'sidecar', restartPolicy: 'Always', command: forever(note('sidecar')) },
      startupProbe: { exec: { command: sh('test -s /shared/notes') }, periodSeconds: 1 },
    }),
    container({ name: 'second', command: sh(`sleep 0.2; ${note('second')}`) }),
  ],
  containers: [
    container({
      command: forever(note('main')),
      lifecycle: {
        postStart: { exec: { command: sh(`sleep 0.5; ${note('after-start')}`) } },
        preStop: { exec: { command: sh(`sleep 0.5; ${note('before-stop')}`) } },
      },
    }),
    container({ name: 'next', command: forever(note('next')) }),
  ],
  terminationGracePeriodSeconds: 10,
};

const ENDS = {
  restartPolicy: 'Never',
  containers: [
    container({ name: 'well', command: sh('echo fine > /dev/termination-log') }),
    container({
      ...{ name: 'badly', command: sh('echo the reason; exit 3') },
      terminationMessagePolicy: 'FallbackToLogsOnError',
    }),
    container({ name: 'path', command: sh('echo moved > /tmp/why; exit 4'), terminationMessagePath: '/tmp/why' }),
    container({
      ...{ name: 'greedy', command: sh('x=$(head -c 200000000 /dev/zero | tr "\\0" x); echo "$x" | wc -c; sleep 5') },
      resources: { limits: { memory: '16Mi' } },
    }),
    container({ name: 'absent', command: ['/no/such/program'] }),
  ],
};

async function createAll(): Promise<void> {
  await Promise.all(
    Object.entries({ ...began(), ...endings() }).map(([name, spec]) =>
      node.create(name, SHARING.includes(name) ? sharing(name, spec) : spec),
    ),
  );
}

/** Pods that write into the test's directory. */
const SHARING = ['order', 'failing-hook', 'crashing', 'ruled', 'signalled', 'probed'];

/** Pods that are about beginning and being asked. */
function began(): Record<string, JsonObject> {
  const call = { host: '127.0.0.1', port: portOf(web), httpHeaders: [{ name: 'x-from', value: 'hook' }] };
  const http = {
    postStart: { httpGet: { ...call, path: '/started' } },
    preStop: { httpGet: { ...call, path: '/stopping' } },
  };
  const tcp = {
    postStart: { tcpSocket: { host: '127.0.0.1', port: portOf(web) } },
    preStop: { sleep: { seconds: 2 } },
  };
  const failing = { postStart: { exec: { command: sh('exit 7') } } };
  return {
    order: ORDER,
    hooked: {
      terminationGracePeriodSeconds: 20,
      containers: [container({ name: 'http', lifecycle: http }), container({ name: 'tcp', lifecycle: tcp })],
    },
    'failing-hook': { containers: [container({ command: forever(note('run')), lifecycle: failing })] },
    probed: probed(),
    gated: { readinessGates: [{ conditionType: 'example.com/open' }], containers: [container()] },
  };
}

/** Pods that are about ending. */
function endings(): Record<string, JsonObject> {
  return {
    ends: ENDS,
    crashing: { containers: [container({ command: sh(`${note('run')}; echo run $(wc -l < /shared/notes); exit 5`) })] },
    ruled: RULED,
    late: { activeDeadlineSeconds: 2, containers: [container()] },
    signalled: {
      os: { name: 'linux' },
      terminationGracePeriodSeconds: 10,
      containers: [
        container({
          command: sh(`trap '${note('usr1')}; exit 0' USR1; while :; do sleep 0.1; done`),
          lifecycle: { stopSignal: 'SIGUSR1' },
        }),
      ],
    },
    stubborn: {
      terminationGracePeriodSeconds: 1,
      containers: [container({ command: sh("trap '' TERM; while :; do sleep 1; done") })],
    },
  };
}

const RULED = {
  restartPolicy: 'Never',
  containers: [
    container({
      restartPolicy: 'Never',
      command: sh(`${note('run')}; [ $(wc -l < /shared/notes) -gt 1 ] && exit 0; exit 42`),
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
    }),
    container({ name: 'again', restartPolicy: 'OnFailure', command: sh(`${note('again')}; exit 0`) }),
  ],
};

function probed(): JsonObject {
  const often = { periodSeconds: 1, failureThreshold: 1 };
  return {
    hostNetwork: true,
    terminationGracePeriodSeconds: 30,
    containers: [
      container({
        name: 'exec',
        readinessProbe: { ...often, exec: { command: sh('test -e /shared/ready') } },
        livenessProbe: {
          ...often,
          httpGet: { host: '127.0.0.1', port: portOf(secure), path: '/alive', scheme: 'HTTPS' },
        },
      }),
      container({
        name: 'http',
        startupProbe: {
          ...often,
          failureThreshold: 30,
          httpGet: { port: portOf(web), path: '/startup', scheme: 'HTTP' },
        },
        readinessProbe: {
          ...often,
          successThreshold: 2,
          httpGet: { port: portOf(web), path: '/ready', httpHeaders: [{ name: 'x-from', value: 'probe' }] },
        },
        livenessProbe: { ...often, tcpSocket: { port: portOf(web) }, timeoutSeconds: 2 },
      }),
      container({
        ...{ name: 'grpc', command: sh("trap '' TERM; while :; do sleep 1; done") },
        livenessProbe: {
          ...often,
          initialDelaySeconds: 1,
          terminationGracePeriodSeconds: 1,
          grpc: { port: portOf(grpc), service: 'heart' },
        },
      }),
    ],
  };
}

/** A Raspberry Pi starts without. */
function hasMemoryCgroup(): boolean {
  const controllers = '/sys/fs/cgroup/cgroup.controllers';
  if (existsSync('/sys/fs/cgroup/memory')) return true;
  return existsSync(controllers) && readFileSync(controllers, 'utf8').split(/\s+/).includes('memory');
}

async function remove(name: string, gracePeriodSeconds?: number): Promise<number> {
  const startMs = systemClock.monotonicMs();
  await node.client.delete(
    PodKind,
    { namespace: 'default', name },
    gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
  );
  await until(`${name} is gone`, () =>
    node.get(name).then(
      () => false,
      () => true,
    ),
  );
  return systemClock.monotonicMs() - startMs;
}

const conditionOf = ({ status }: Pod, type: string) => status.conditions?.find((item) => item.type === type);

if (await hasDocker()) {
  describe('pods on Docker: lives', () => {
    before(async () => {
      node = await openPodNode();
      await openServers();
      await createAll();
    });
    after(async () => {
      await node?.close();
      web?.close();
      secure?.close();
      grpc?.close();
    });

    it('init containers, a sidecar and postStart come in their order', async () => {
      const pod = await node.ready('order');
      assert.deepEqual(notes('order'), ['first', 'sidecar', 'second', 'main', 'after-start', 'next']);
      const states = (pod.status.initContainerStatuses ?? []).map(({ state }) => state.terminated?.reason ?? 'Running');
      assert.deepEqual(states, ['Completed', 'Running', 'Completed']);
    });

    it('preStop runs before the stop signal, within the grace', async () => {
      await remove('order');
      assert.equal(notes('order').at(-1), 'before-stop');
    });

    it('hooks by httpGet, tcpSocket and sleep', async () => {
      await node.ready('hooked');
      assert.ok(asked.includes('/started hook'));
      assert.ok((await remove('hooked')) >= 2_000);
      assert.ok(asked.includes('/stopping hook'));
    });

    it('a failed postStart ends the container', async () => {
      assert.match(await node.event('failing-hook', 'FailedPostStartHook'), /command exited with 7/);
      await node.until('failing-hook', 'is restarted', (pod) => (statusOf(pod)?.restartCount ?? 0) > 0);
    });

    it('termination messages, exit codes and reasons', async () => {
      const pod = await node.until('ends', 'has failed', ({ status }) => status.phase === 'Failed');
      const ended = (name: string) => statusOf(pod, name)?.state.terminated;
      const told = ['well', 'badly', 'path'].map((name) => [
        ended(name)?.reason,
        ended(name)?.exitCode,
        ended(name)?.message?.slice(0, 11),
      ]);
      assert.deepEqual(told, [
        ['Completed', 0, 'fine\n'],
        ['Error', 3, 'the reason\n'],
        ['Error', 4, 'moved\n'],
      ]);
      assert.deepEqual([ended('absent')?.reason, ended('absent')?.exitCode], ['ContainerCannotRun', 128]);
      assert.match(ended('absent')?.message ?? '', /no such file or directory/);
    });

    it('more memory than the limit: OOMKilled', { skip: !hasMemoryCgroup() && 'no memory cgroup' }, async () => {
      const { state } = statusOf(await node.get('ends'), 'greedy') ?? {};
      assert.deepEqual([state?.terminated?.reason, state?.terminated?.exitCode], ['OOMKilled', 137]);
    });

    it('a crashing container backs off, with its last state and the log of its previous run', async () => {
      const pod = await node.until(
        'crashing',
        'backs off',
        (found) => statusOf(found)?.state.waiting?.reason === 'CrashLoopBackOff',
      );
      const status = statusOf(pod);
      assert.match(status?.state.waiting?.message ?? '', /^back-off (10|20|40)s restarting failed container=main/);
      assert.deepEqual([status?.lastState.terminated?.exitCode, status?.lastState.terminated?.reason], [5, 'Error']);
      assert.equal(pod.status.phase, 'Running');
      // It may have run once more meanwhile.
      const ended = (status?.restartCount ?? 0) + 1;
      const log = await node.logs('crashing', 'main', { previous: 'true' });
      assert.ok([`run ${ended}`, `run ${ended + 1}`].includes(log), log);
    });

    it('restartPolicyRules and restart policies of containers', async () => {
      const pod = await node.until('ruled', 'has succeeded', ({ status }) => status.phase === 'Succeeded');
      assert.deepEqual([statusOf(pod)?.restartCount, statusOf(pod, 'again')?.restartCount], [1, 0]);
    });

    it('activeDeadlineSeconds', async () => {
      const { status } = await node.until('late', 'has failed', (pod) => pod.status.phase === 'Failed');
      assert.equal(status.reason, 'DeadlineExceeded');
      assert.ok(systemClock.nowMs() - (parseTime(status.startTime) ?? 0) >= 2_000);
    });

    it('stopSignal', async () => {
      const pod = await node.ready('signalled');
      assert.equal(statusOf(pod)?.stopSignal, 'SIGUSR1');
      await remove('signalled');
      assert.deepEqual(notes('signalled'), ['usr1']);
    });

    it('terminationGracePeriodSeconds: SIGKILL after the grace', async () => {
      await node.ready('stubborn');
      const tookMs = await remove('stubborn');
      assert.ok(tookMs >= 900 && tookMs < 10_000, `${tookMs} ms`);
    });

    it('readiness by a command', async () => {
      const before = await node.until('probed', 'runs', (pod) => statusOf(pod, 'http')?.ready === true);
      assert.equal(statusOf(before, 'exec')?.ready, false);
      writeFileSync(join(node.shared, 'probed', 'ready'), '');
      await node.until('probed', 'is ready', isReady);
    });

    it('startup, readiness and liveness over the network', async () => {
      const first = (path: string): number => asked.indexOf(path);
      assert.ok(first('/startup') >= 0 && first('/startup') < first('/ready probe'));
      assert.ok(asked.includes('https /alive') && asked.includes('grpc heart'));
      const { status } = await node.get('probed');
      assert.equal(status.containerStatuses?.find(({ name }) => name === 'http')?.restartCount, 0);
    });

    it('a failed liveness probe restarts the container, with the grace of the probe', async () => {
      health.isServing = false;
      assert.match(await node.event('probed', 'Unhealthy'), /probe failed/);
      const pod = await node.until(
        'probed',
        'grpc is restarted',
        (found) => (statusOf(found, 'grpc')?.restartCount ?? 0) > 0,
      );
      health.isServing = true;
      assert.equal((statusOf(pod, 'grpc')?.lastState ?? statusOf(pod, 'grpc')?.state)?.terminated?.exitCode, 137);
    });

    it('readinessGates', async () => {
      const closed = await node.until('gated', 'runs', (pod) => conditionOf(pod, 'ContainersReady')?.status === 'True');
      assert.deepEqual(conditionOf(closed, 'Ready')?.reason, 'ReadinessGatesNotReady');
      const body = { status: { conditions: [{ type: 'example.com/open', status: 'True' }] } };
      const key = { namespace: 'default', name: 'gated' };
      await node.client.patch(PodKind, key, { type: 'strategic', body, subresource: 'status' });
      await node.ready('gated');
    });
  });
}
