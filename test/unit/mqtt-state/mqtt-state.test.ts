/** State topics and discovery: what objects look like, what holds still, what goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  deploymentDiscoveryTopic,
  nodeDiscoveryTopic,
  renderDeploymentDiscovery,
  renderNodeDiscovery,
} from '../../../master/mqtt-state/discovery.ts';
import { RetainedTopics } from '../../../master/mqtt-state/retained-topics.ts';
import {
  computeDeploymentState,
  computeNodeState,
  computePodState,
  type NodeState,
} from '../../../master/mqtt-state/state.ts';
import { StateTopics } from '../../../master/mqtt-state/state-topics.ts';
import { steadyNodeState } from '../../../master/mqtt-state/steady.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { checkDiscovery } from '../../support/home-assistant-schema.ts';
import { createMemoryBroker } from '../../support/memory-broker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { deployment, node, pod, sensors } from '../status-page/objects.ts';

test('what is told of a board, and what is left out where nobody knows', () => {
  const state = computeNodeState(node('pi-1'), sensors('pi-1', { temperatureCelsius: 51.2, underVoltage: true }), 3);
  assert.deepEqual(state, {
    ...{ name: 'pi-1', online: true, cordoned: false, pods: 3, throttled: false, underVoltage: true },
    ...{ temperatureCelsius: 51.2, cpuPercent: 12.5, memoryPercent: 25 },
  });
  const lost = computeNodeState(node('pi-1', 'Unknown', { unschedulable: true }), undefined, 0);
  assert.deepEqual(lost, {
    ...{ name: 'pi-1', online: false, cordoned: true, pods: 0, throttled: false, underVoltage: false },
  });
});

test('pods and deployments', () => {
  assert.partialDeepStrictEqual(computePodState(pod('web-1', { phase: 'Running' })), {
    ...{ name: 'web-1', namespace: 'default', phase: 'Running' },
  });
  assert.deepEqual(computeDeploymentState(deployment(2)), {
    ...{ name: 'web', namespace: 'default', replicas: 2, ready: 2, updated: 2, available: 2, complete: true },
  });
  assert.equal(computeDeploymentState(deployment(1)).complete, false);
});

test('readings that tremble are not told again, others are', () => {
  const at = (temperatureCelsius: number, cpuPercent: number): NodeState => ({
    ...{ name: 'pi', online: true, cordoned: false, pods: 0, throttled: false, underVoltage: false },
    ...{ temperatureCelsius, cpuPercent },
  });
  const table: [NodeState, NodeState | undefined, number, number][] = [
    [at(50.3, 12.4), undefined, 50.5, 12],
    [at(50.9, 16.9), at(50.5, 12), 50.5, 12],
    [at(51.6, 17.1), at(50.5, 12), 51.5, 17],
    [at(49.4, 6.9), at(50.5, 12), 49.5, 7],
  ];
  for (const [next, told, celsius, cpu] of table) {
    const { temperatureCelsius, cpuPercent } = steadyNodeState(next, told);
    assert.deepEqual([temperatureCelsius, cpuPercent], [celsius, cpu]);
  }
});

test('a topic is written when it says something new, and cleared once', () => {
  const written: string[] = [];
  const topics = new RetainedTopics((topic, payload) => written.push(`${topic} ${Buffer.from(payload)}`));
  topics.clear('a');
  topics.set('a', { n: 1 });
  topics.set('a', { n: 1 });
  topics.set('a', { n: 2 });
  topics.clear('a');
  topics.clear('a');
  assert.deepEqual(written, ['a {"n":1}', 'a {"n":2}', 'a ']);
});

test('discovery payloads are as Home Assistant documents them, and name what is asked for', () => {
  const board = renderNodeDiscovery(node('pi-1'));
  checkDiscovery(board);
  const wanted = [
    'temperature',
    'cpu',
    'memory',
    'disk',
    'pods',
    'online',
    'throttled',
    'under_voltage',
    'cordon',
    'reboot',
  ];
  assert.deepEqual(Object.keys(board.components), wanted);
  checkDiscovery(renderDeploymentDiscovery(deployment(1)));
  assert.equal(nodeDiscoveryTopic('ha', 'pi.lan'), 'ha/device/bramble_node_pi_lan/config');
  const key = { namespace: 'default', name: 'web' };
  assert.equal(
    deploymentDiscoveryTopic('homeassistant', key),
    'homeassistant/device/bramble_deployment_default_web/config',
  );
  assert.throws(() => checkDiscovery({ ...board, surprise: 1 }), /surprise is not known/);
});

test('nothing is looked at before somebody is there who could listen', async () => {
  const clock = createVirtualClock();
  const random = seededRandom(1);
  const broker = createMemoryBroker({ clock, random });
  const asked: string[] = [];
  const client = createClient(async ({ path, query, signal }) => {
    asked.push(path);
    if (query['watch']) return { type: 'events', code: 200, events: untilAborted(signal) };
    return { type: 'object', code: 200, body: { kind: 'List', metadata: { resourceVersion: '1' }, items: [] } };
  });
  const state = new StateTopics({
    client,
    clock,
    random,
    logger: silentLogger,
    sessions: broker,
    discoveryPrefix: 'ha',
  });
  await state.start();
  const connect = (clientId: string, groups: string[]) =>
    broker.connect({ clientId, identity: { name: 'x', uid: '', groups, extra: {} } });
  connect('node-pi', ['system:nodes']);
  connect('cli-abc', ['system:masters']);
  await clock.settle();
  assert.equal(asked.length, 0);
  connect('house', []);
  await clock.settle();
  assert(asked.includes('/api/v1/nodes'), asked.join(' '));
  await state.stop();
});

async function* untilAborted(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  yield* [];
}
