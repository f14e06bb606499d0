/** What a container is told of: its program, its environment, its amounts, its name and its streams. On real Docker. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ConfigMapKind } from '../../shared/api/config-map.ts';
import { SecretKind } from '../../shared/api/secret.ts';
import { ServiceKind } from '../../shared/api/service.ts';
import { CHANNEL, type ChannelFrame } from '../../shared/protocol/exchange.ts';
import { hasDocker, TEST_IMAGE } from '../support/docker.ts';
import { container, FOREVER, isReady, openPodNode, type PodNode, statusOf } from '../support/pod-node.ts';

let node: PodNode;

const ENV = [
  { name: 'PLAIN', value: 'plain' },
  { name: 'COMPOSED', value: '$(PLAIN)-$$(PLAIN)-$(WEB_SERVICE_PORT)' },
  { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
  { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
  { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
  { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'conf', key: 'color' } } },
  { name: 'PIN', valueFrom: { secretKeyRef: { name: 'keys', key: 'pin' } } },
  { name: 'OPTIONAL', valueFrom: { configMapKeyRef: { name: 'conf', key: 'none', optional: true } } },
  { name: 'FILE', valueFrom: { fileKeyRef: { volumeName: 'work', path: 'made.env', key: 'GREETING' } } },
];

const PROGRAM = {
  initContainers: [
    container({
      ...{ name: 'writer', command: ['sh', '-c', `echo "GREETING='hello there'" > /work/made.env`] },
      volumeMounts: [{ name: 'work', mountPath: '/work' }],
    }),
  ],
  containers: [
    container({
      ...{ command: ['sh', '-c', `echo "$0 $1"; exec ${'"$2"'} 1000`], args: ['zero', '$(PLAIN)', 'sleep'] },
      ...{ workingDir: '/tmp', env: ENV },
      envFrom: [{ configMapRef: { name: 'conf' }, prefix: 'CONF_' }, { secretRef: { name: 'keys' } }],
      resources: { requests: { cpu: '50m', memory: '8Mi' }, limits: { cpu: '200m', memory: '32Mi' } },
      ports: [{ name: 'http', containerPort: 8080 }],
    }),
    // The image's own program and arguments; a terminal keeps its shell alive.
    { name: 'bare', image: TEST_IMAGE, imagePullPolicy: 'Never', stdin: true, tty: true },
    {
      name: 'again',
      image: TEST_IMAGE,
      command: ['sh', '-c', 'while read line; do sleep 0.3; echo "got $line"; done'],
      stdin: true,
    },
    { name: 'once', image: TEST_IMAGE, command: ['sh'], stdin: true, stdinOnce: true },
  ],
  volumes: [{ name: 'work', emptyDir: {} }],
};

async function createSources({ client }: PodNode): Promise<void> {
  const metadata = (name: string) => ({ name, namespace: 'default' });
  await client.create(ConfigMapKind, { metadata: metadata('conf'), data: { color: 'blue', size: 'L' } });
  await client.create(SecretKind, { metadata: metadata('keys'), stringData: { pin: '1234' } });
  await client.create(ServiceKind, { metadata: metadata('web'), spec: { ports: [{ port: 8123, name: 'http' }] } });
}

/** Sends the lines to a container and returns what it answers until it ends, or `enough` is in it. */
async function attach(
  pod: string,
  name: string,
  input: string,
  until: { enough?: string; closes: boolean },
): Promise<string> {
  const query = { container: [name], stdin: ['true'], stdout: ['true'] };
  const response = await node.call({ path: `/api/v1/namespaces/default/pods/${pod}/attach`, query });
  assert.equal(response.type, 'channels');
  const { enough, closes } = until;
  const closed = Promise.withResolvers<void>();
  let output = '';
  async function* incoming(): AsyncGenerator<ChannelFrame> {
    yield { channel: CHANNEL.stdin, bytes: Buffer.from(input) };
    if (closes) yield { channel: CHANNEL.stdin, close: true };
    await closed.promise;
  }
  if (response.type !== 'channels') return '';
  await response.serve({
    incoming: incoming(),
    async send(frame) {
      if (frame.channel === CHANNEL.stdout && 'bytes' in frame) output += Buffer.from(frame.bytes).toString('utf8');
      if (enough !== undefined && output.includes(enough)) closed.resolve();
    },
    close: () => closed.resolve(),
  });
  return output;
}

if (await hasDocker()) {
  describe('pods on Docker: programs', () => {
    before(async () => {
      node = await openPodNode();
      await createSources(node);
      await Promise.all([
        node.create('program', PROGRAM, { labels: { app: 'demo' } }),
        node.create('lonely', { enableServiceLinks: false, containers: [container()] }),
        node.create('guaranteed', {
          containers: [container({ resources: { limits: { cpu: '50m', memory: '16Mi' } } })],
        }),
        node.create('whole', { resources: { limits: { memory: '24Mi' } }, containers: [container()] }),
        node.create('lacking', {
          containers: [
            container({ env: [ENV[6], { name: 'X', valueFrom: { configMapKeyRef: { name: 'none', key: 'x' } } }] }),
          ],
        }),
      ]);
      await node.ready('program');
    });
    after(() => node?.close());

    it('command, args and workingDir, with variables', async () => {
      assert.equal(await node.logs('program'), 'zero plain');
      assert.equal(await node.sh('program', 'readlink /proc/1/cwd'), '/tmp');
    });

    it("the image's own command", async () => {
      assert.equal(await node.sh('program', 'tr "\\0" " " < /proc/1/cmdline', 'bare'), 'sh');
    });

    it('env from values, fields, amounts, ConfigMaps, Secrets and files', async () => {
      const pod = await node.get('program');
      const script = 'echo "$COMPOSED|$POD|$ADDRESS|$LABEL|$MEMORY|$COLOR|$PIN|$OPTIONAL|$FILE"';
      const expected = `plain-$(PLAIN)-8123|program|${pod.status.podIP}|demo|32|blue|1234||hello there`;
      assert.equal(await node.sh('program', script), expected);
    });

    it('envFrom with a prefix', async () => {
      assert.equal(await node.sh('program', 'echo "$CONF_color $CONF_size $pin"'), 'blue L 1234');
    });

    it('a missing source of a variable is told', async () => {
      const isTold = (reason: string | undefined) => reason === 'CreateContainerConfigError';
      const pod = await node.until('lacking', 'cannot be configured', (found) =>
        isTold(statusOf(found)?.state.waiting?.reason),
      );
      assert.equal(statusOf(pod)?.state.waiting?.message, 'configmap "none" not found');
    });

    it('enableServiceLinks: services in the environment', async () => {
      const script =
        'echo "$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT $WEB_SERVICE_PORT_HTTP $WEB_PORT_8123_TCP_PROTO"';
      assert.equal(await node.sh('program', script), '10.43.0.1:443 8123 tcp');
      await node.ready('lonely');
      assert.equal(await node.sh('lonely', 'echo "$KUBERNETES_PORT_443_TCP_PORT" $(env | grep -c ^WEB_)'), '443 0');
    });

    it('resources: requests and limits in the cgroup', async () => {
      const id = statusOf(await node.get('program'))?.containerID?.replace('docker://', '') ?? '';
      const format =
        '{{.HostConfig.CpuShares}} {{.HostConfig.CpuQuota}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}';
      const memory = 32 * 1024 ** 2;
      assert.equal(await node.engine.docker('inspect', '-f', format, id), `51 20000 ${memory} ${memory}`);
      const path = '/sys/fs/cgroup/memory/memory.limit_in_bytes';
      const limit = await node.sh('program', `cat ${path} 2>/dev/null || cat /sys/fs/cgroup/memory.max`);
      assert.equal(limit, String(memory));
    });

    it('the quality of service follows from the amounts', async () => {
      const pods = await Promise.all(['program', 'lonely', 'guaranteed'].map((name) => node.get(name)));
      assert.deepEqual(
        pods.map(({ status }) => status.qosClass),
        ['Burstable', 'BestEffort', 'Guaranteed'],
      );
      await node.ready('guaranteed');
      // A machine may forbid to lower it; then it stays what it was.
      assert.ok(Number(await node.sh('guaranteed', 'cat /proc/1/oom_score_adj')) <= 0);
      assert.equal(await node.sh('lonely', 'cat /proc/1/oom_score_adj'), '1000');
    });

    it('amounts of the pod as a whole bound each container', async () => {
      const pod = await node.ready('whole');
      const id = statusOf(pod)?.containerID?.replace('docker://', '') ?? '';
      assert.equal(await node.engine.docker('inspect', '-f', '{{.HostConfig.Memory}}', id), String(24 * 1024 ** 2));
      assert.equal(pod.status.qosClass, 'Burstable');
    });

    it('stdin and tty: attach talks to a shell on a terminal', async () => {
      assert.match(
        await attach('program', 'bare', 'tty; echo $((40+2))\n', { enough: '42\r\n', closes: false }),
        /\/dev\/pts\/0/,
      );
    });

    it('stdin: the end of a client is not the end of its output, nor of the input', async () => {
      assert.match(await attach('program', 'again', 'one\n', { enough: 'got one\n', closes: true }), /^got one\n$/);
      assert.match(await attach('program', 'again', 'two\n', { enough: 'got two\n', closes: true }), /^got two\n$/);
      assert.equal(statusOf(await node.get('program'), 'again')?.restartCount, 0);
    });

    it('stdinOnce: input ends with its first client', async () => {
      assert.equal(await attach('program', 'once', 'echo got it; exit 0\n', { closes: true }), 'got it\n');
      const pod = await node.until(
        'program',
        'once has ended',
        (found) => (statusOf(found, 'once')?.restartCount ?? 0) > 0,
      );
      assert.equal(statusOf(pod, 'once')?.lastState.terminated?.reason, 'Completed');
      assert.equal(isReady(await node.ready('program')), true);
      assert.deepEqual(FOREVER.length, 3);
    });
  });
}
