/** An autoscaler at work in virtual time, on samples as agents send them. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { EventKind } from '../../../shared/api/event.ts';
import {
  type HorizontalPodAutoscaler,
  HorizontalPodAutoscalerKind,
} from '../../../shared/api/horizontal-pod-autoscaler.ts';
import { type NodeSensors, NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { formatMillis } from '../../../shared/machinery/quantity.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';
import { makeDeployment } from './objects.ts';

const KEY = { namespace: 'default', name: 'web' };

let cluster: LiveCluster;
/** Thousandths of a CPU that all pods use together; undefined: the agent is silent. */
let loadMillis: number | undefined;
let agent: { stop(): void };

beforeEach(async () => {
  cluster = await startLiveCluster();
  await cluster.addNode({ name: 'pi-1' });
  const spec = makeDeployment({ replicas: 2 }).spec;
  const [container] = spec.template.spec.containers;
  assert.ok(container);
  container.resources = { requests: { cpu: '100m' } };
  await cluster.client.create(DeploymentKind, { metadata: KEY, spec });
  await cluster.until('two pods', async () => (await running()).length === 2);
  agent = startAgent();
});

afterEach(async () => {
  agent.stop();
  await cluster.stop();
});

async function running() {
  return (await cluster.pods()).filter(({ status }) => status.phase === 'Running');
}

/** Says every five seconds what the pods use. */
function startAgent(): { stop(): void } {
  let isStopped = false;
  const say = async (): Promise<void> => {
    if (isStopped) return;
    if (loadMillis !== undefined) await tell(loadMillis);
    if (!isStopped) cluster.clock.after(5_000, () => void say());
  };
  void say();
  return {
    stop: () => {
      isStopped = true;
    },
  };
}

async function tell(millis: number): Promise<void> {
  const all = await running();
  const cpu = formatMillis(Math.floor(millis / Math.max(1, all.length)));
  const pods = all.map(({ metadata: { name, namespace = '', uid } }) => {
    return { name, namespace, uid, containers: [{ name: 'main', usage: { cpu, memory: '1Mi' } }] };
  });
  const reading = { metadata: { name: 'pi-1' }, timestamp: formatTime(cluster.clock.nowMs()), pods };
  const body = { apiVersion: 'bramble.dev/v1', kind: 'NodeSensors', ...reading };
  const found = await cluster.exists<NodeSensors>(NodeSensorsKind, 'pi-1');
  if (found) await cluster.client.patch(NodeSensorsKind, { name: 'pi-1' }, { type: 'merge', body });
  else await cluster.client.create(NodeSensorsKind, reading);
}

async function autoscale(changes: Partial<HorizontalPodAutoscaler['spec']> = {}): Promise<void> {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  const target = { type: 'Utilization' as const, averageUtilization: 50 };
  const metrics = [{ type: 'Resource' as const, resource: { name: 'cpu', target } }];
  const spec = { scaleTargetRef, minReplicas: 1, maxReplicas: 6, metrics, ...changes };
  await cluster.client.create(HorizontalPodAutoscalerKind, { metadata: KEY, spec });
}

async function replicas(): Promise<number | undefined> {
  return (await cluster.client.get(DeploymentKind, KEY)).spec.replicas;
}

async function condition(type: string) {
  const { status } = await cluster.client.get(HorizontalPodAutoscalerKind, KEY);
  return getCondition(status.conditions, type);
}

test('load comes and goes: up at once, down after the window', async () => {
  loadMillis = 80;
  await autoscale();
  await cluster.clock.advance(400_000);
  assert.equal(await replicas(), 2, 'steady within the tolerance');
  loadMillis = 250;
  await cluster.until('five pods', async () => (await replicas()) === 5, 120_000);
  const events = await cluster.client.list(EventKind, { namespace: 'default' });
  const messages = events.items.filter(({ reason }) => reason === 'SuccessfulRescale').map(({ message }) => message);
  assert.ok(
    messages.some((text) =>
      text?.includes('New size: 5; reason: cpu resource utilization (percentage of request) above target'),
    ),
  );
  loadMillis = 20;
  await cluster.clock.advance(200_000);
  assert.equal(await replicas(), 5, 'the window is not over');
  assert.equal((await condition('AbleToScale'))?.reason, 'ScaleDownStabilized');
  await cluster.until('one pod', async () => (await replicas()) === 1, 400_000);
  const { status } = await cluster.client.get(HorizontalPodAutoscalerKind, KEY);
  assert.equal(status.desiredReplicas, 1);
});

test('an agent that falls silent changes nothing', async () => {
  loadMillis = 80;
  await autoscale();
  await cluster.until('metrics', async () => (await condition('ScalingActive'))?.status === 'True', 600_000);
  loadMillis = undefined;
  await cluster.until('silence noticed', async () => (await condition('ScalingActive'))?.status === 'False', 600_000);
  assert.equal((await condition('ScalingActive'))?.reason, 'FailedGetResourceMetric');
  assert.equal(await replicas(), 2);
});

test('bounds hold without any metric, zero switches it off, a missing target is told', async () => {
  await autoscale({ minReplicas: 3 });
  await cluster.until('three pods', async () => (await replicas()) === 3);
  await cluster.client.patch(DeploymentKind, KEY, { type: 'merge', body: { spec: { replicas: 0 } } });
  await cluster.until('switched off', async () => (await condition('ScalingActive'))?.reason === 'ScalingDisabled');
  assert.equal(await replicas(), 0);
  await cluster.client.delete(DeploymentKind, KEY);
  await cluster.until('told', async () => (await condition('AbleToScale'))?.reason === 'FailedGetScale');
});
