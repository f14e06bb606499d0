/** Pods while they run: sidecars and their ends, containers for looking in, other amounts, other images. On real Docker. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PodKind } from '../../shared/api/pod.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { hasDocker, TEST_IMAGE } from '../support/docker.ts';
import { container, openPodNode, type PodNode, statusOf, until } from '../support/pod-node.ts';

let node: PodNode;

const OTHER_IMAGE = 'bramble-test/busybox:2';

const sh = (script: string): string[] => ['sh', '-c', script];
const note = (word: string): string => `echo ${word} >> /shared/notes`;
const forever = (begin: string, end = ''): string[] =>
  sh(`${begin}; trap '${end || 'true'}; exit 0' TERM; while :; do sleep 1000 & wait; done`);

/** Containers that write into the directory that the test reads. */
function noting(over: JsonObject): JsonObject {
  return container({ volumeMounts: [{ name: 'shared', mountPath: '/shared' }], ...over });
}

function shared(pod: string): { volumes: JsonObject[] } {
  return { volumes: [{ name: 'shared', hostPath: { path: join(node.shared, pod), type: 'DirectoryOrCreate' } }] };
}

function notes(pod: string): string[] {
  const file = join(node.shared, pod, 'notes');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

/** A task with a companion: the companion begins first and ends last. */
const TASK = {
  restartPolicy: 'OnFailure',
  terminationGracePeriodSeconds: 20,
  initContainers: [
    noting({ name: 'early', restartPolicy: 'Always', command: forever(note('early'), note('early-ends')) }),
    noting({
      ...{ name: 'late', restartPolicy: 'Always', command: forever(note('late'), note('late-ends')) },
      readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
    }),
  ],
  containers: [
    noting({ command: sh(`${note('task')}; [ $(grep -c task /shared/notes) -gt 1 ] || exit 1; ${note('done')}`) }),
  ],
};

const amounts = (cpu: string, memory: string): JsonObject => ({ limits: { cpu, memory }, requests: { cpu, memory } });

const SIZED = {
  containers: [
    container({ resources: amounts('100m', '24Mi') }),
    container({
      ...{ name: 'stiff', resources: amounts('100m', '24Mi') },
      resizePolicy: [
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'memory', restartPolicy: 'RestartContainer' },
      ],
    }),
  ],
};

async function createAll(): Promise<void> {
  await node.engine.docker('tag', TEST_IMAGE, OTHER_IMAGE);
  await Promise.all([
    node.create('task', { ...TASK, ...shared('task') }),
    node.create('fails-early', {
      restartPolicy: 'Never',
      initContainers: [container({ name: 'first', command: sh('echo no; exit 9') })],
      containers: [container()],
    }),
    node.create('tries-early', {
      ...shared('tries-early'),
      initContainers: [noting({ name: 'first', command: sh(`${note('try')}; [ $(wc -l < /shared/notes) -gt 1 ]`) })],
      containers: [container()],
    }),
    node.create('open', { containers: [container({ env: [{ name: 'WHO', value: 'main' }] })] }),
    node.create('sized', SIZED),
    node.create('renewed', { containers: [container(), container({ name: 'steady' })] }),
    node.create('restarting', { restartPolicy: 'Always', containers: [container({ command: sh('exit 0') })] }),
  ]);
}

const key = (name: string) => ({ namespace: 'default', name });

async function debug(pod: string, ephemeral: JsonObject): Promise<void> {
  const body = { spec: { ephemeralContainers: [{ image: TEST_IMAGE, ...ephemeral }] } };
  await node.client.patch(PodKind, key(pod), { type: 'strategic', body, subresource: 'ephemeralcontainers' });
}

async function resize(pod: string, name: string, resources: JsonObject): Promise<void> {
  const body = { spec: { containers: [{ name, resources }] } };
  await node.client.patch(PodKind, key(pod), { type: 'strategic', body, subresource: 'resize' });
}

async function inspect(pod: string, name: string, format: string): Promise<string> {
  const id = statusOf(await node.get(pod), name)?.containerID?.replace('docker://', '') ?? '';
  return node.engine.docker('inspect', '-f', format, id);
}

const LIMITS = '{{.HostConfig.CpuQuota}} {{.HostConfig.Memory}}';
const MIB = 1024 ** 2;

if (await hasDocker()) {
  describe('pods on Docker: changes', () => {
    before(async () => {
      node = await openPodNode();
      await createAll();
    });
    after(async () => {
      // Its containers still hold the image by its other name.
      await node?.engine.docker('rmi', OTHER_IMAGE).catch(() => undefined);
      await node?.close();
    });

    it('sidecars begin before a task and end after it, last first', async () => {
      const pod = await node.until('task', 'has succeeded', ({ status }) => status.phase === 'Succeeded');
      const seen = notes('task');
      assert.deepEqual(seen, ['early', 'late', 'task', 'task', 'done', 'late-ends', 'early-ends']);
      assert.deepEqual([statusOf(pod)?.restartCount, statusOf(pod, 'late')?.state.terminated?.exitCode], [1, 0]);
    });

    it('a failed init container fails a pod that never restarts', async () => {
      const { status } = await node.until('fails-early', 'has failed', (pod) => pod.status.phase === 'Failed');
      assert.equal(status.initContainerStatuses?.[0]?.state.terminated?.exitCode, 9);
      assert.equal(status.containerStatuses?.[0]?.state.waiting?.reason, 'PodInitializing');
    });

    it('a failed init container is tried again otherwise', async () => {
      const pod = await node.ready('tries-early');
      assert.equal(statusOf(pod, 'first')?.restartCount, 1);
    });

    it('restartPolicy Always: also after success', async () => {
      const pod = await node.until('restarting', 'is restarted', (found) => (statusOf(found)?.restartCount ?? 0) > 0);
      const status = statusOf(pod);
      assert.equal((status?.lastState.terminated ?? status?.state.terminated)?.reason, 'Completed');
    });

    it('ephemeral containers look into a running pod', async () => {
      await node.ready('open');
      await debug('open', {
        name: 'look',
        targetContainerName: 'main',
        command: sh('tr "\\0" "\\n" < /proc/1/environ | grep WHO; exit 4'),
      });
      const pod = await node.until(
        'open',
        'look has ended',
        (seen) => statusOf(seen, 'look')?.state.terminated !== undefined,
      );
      assert.equal(await node.logs('open', 'look'), 'WHO=main');
      assert.equal(statusOf(pod, 'look')?.state.terminated?.exitCode, 4);
      assert.deepEqual(
        [pod.status.phase, statusOf(pod)?.restartCount, statusOf(pod, 'look')?.restartCount],
        ['Running', 0, 0],
      );
    });

    it('ephemeral containers share the network, and not the processes unless they name a target', async () => {
      await debug('open', { name: 'apart', stdin: true, tty: true, env: [{ name: 'A', value: 'b' }] });
      await node.until('open', 'apart runs', (seen) => statusOf(seen, 'apart')?.state.running !== undefined);
      assert.equal(
        await node.sh('open', 'hostname -i; echo $A', 'apart'),
        `${(await node.get('open')).status.podIP}\nb`,
      );
      assert.equal(await node.sh('open', 'cat /proc/1/comm', 'apart'), 'sh');
    });

    it('ephemeral containers take no ports, probes, hooks, amounts or restarts', async () => {
      const exec = { exec: { command: ['true'] } };
      const refused: readonly JsonObject[] = [
        { ports: [{ containerPort: 80 }] },
        ...['livenessProbe', 'readinessProbe', 'startupProbe'].map((name) => ({ [name]: exec })),
        { lifecycle: { preStop: exec } },
        { resources: amounts('10m', '8Mi') },
        { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] },
        { restartPolicy: 'Always' },
        { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }] },
      ];
      for (const over of refused) {
        await assert.rejects(
          debug('open', { name: 'wrong', ...over }),
          /ephemeralContainers\[\d\]/,
          JSON.stringify(over),
        );
      }
    });

    it('resize: other amounts without a restart', async () => {
      const before = await node.ready('sized');
      assert.equal(await inspect('sized', 'main', LIMITS), `10000 ${24 * MIB}`);
      await resize('sized', 'main', amounts('200m', '32Mi'));
      const pod = await node.until(
        'sized',
        'main has more',
        (seen) => statusOf(seen)?.resources?.limits?.['cpu'] === '200m',
      );
      assert.equal(await inspect('sized', 'main', LIMITS), `20000 ${32 * MIB}`);
      assert.equal(statusOf(pod)?.containerID, statusOf(before)?.containerID);
      assert.deepEqual(statusOf(pod)?.allocatedResources, { cpu: '200m', memory: '32Mi' });
    });

    it('resizePolicy: a container that must be restarted for it', async () => {
      await resize('sized', 'stiff', amounts('150m', '24Mi'));
      await until('the CPU is more', async () => (await inspect('sized', 'stiff', LIMITS)).startsWith('15000 '));
      assert.equal(statusOf(await node.get('sized'), 'stiff')?.restartCount, 0);
      await resize('sized', 'stiff', amounts('150m', '40Mi'));
      await node.until('sized', 'stiff was restarted', (seen) => {
        const status = statusOf(seen, 'stiff');
        return status?.restartCount === 1 && status.state.running !== undefined;
      });
      assert.equal(await inspect('sized', 'stiff', LIMITS), `15000 ${40 * MIB}`);
    });

    it('resize: more than the node has waits and says so', async () => {
      await resize('sized', 'main', amounts('1000', '32Mi'));
      const pod = await node.until('sized', 'cannot be resized', ({ status }) => {
        return (
          status.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') ?? false
        );
      });
      assert.equal(statusOf(pod)?.resources?.limits?.['cpu'], '200m');
    });

    it('a new image restarts its container only', async () => {
      const before = await node.ready('renewed');
      const body = { spec: { containers: [{ name: 'main', image: OTHER_IMAGE }] } };
      await node.client.patch(PodKind, key('renewed'), { type: 'strategic', body });
      const pod = await node.until('renewed', 'main has the new image', (seen) => {
        const status = statusOf(seen);
        return status?.image === OTHER_IMAGE && status.state.running !== undefined;
      });
      assert.equal(statusOf(pod)?.restartCount, 1);
      assert.equal(statusOf(pod, 'steady')?.containerID, statusOf(before, 'steady')?.containerID);
    });
  });
}
