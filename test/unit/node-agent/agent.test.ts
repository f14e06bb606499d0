/** The agent against the real API server, in virtual time: a pod's life from assignment to deletion, and what goes wrong. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { NodeKind } from '../../../shared/api/node.ts';
import type { FakeRuntimeOptions } from '../../support/fake-runtime.ts';
import { type AgentFixture, createAgentFixture, NODE } from './agent-fixture.ts';

const CONTAINER = { name: 'main', image: 'app:1' };

let fixture: AgentFixture | undefined;

async function open(options: Partial<FakeRuntimeOptions> = {}): Promise<AgentFixture> {
  fixture = await createAgentFixture(options);
  return fixture;
}

afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

describe('agent', () => {
  it('registers its node with what the board is', async () => {
    const { client, until } = await open();
    await until('the node is there', async () => (await client.list(NodeKind)).items.length === 1);
    const node = await client.get(NodeKind, { name: NODE });
    assert.equal(node.metadata.labels?.['kubernetes.io/arch'], 'arm64');
    assert.equal(node.metadata.labels?.['bramble.dev/model'], 'raspberry-pi-4-model-b-rev-1.4');
    assert.equal(node.status.capacity?.['memory'], '4Gi');
    assert.equal(node.status.nodeInfo.containerRuntimeVersion, 'docker://0.0.0-fake');
    assert.deepEqual(
      node.status.conditions?.map(({ type, status }) => `${type}=${status}`),
      ['MemoryPressure=False', 'DiskPressure=False', 'PIDPressure=False', 'Ready=True'],
    );
  });

  it('runs a pod and shows it ready', async () => {
    const { createPod, getPod, until } = await open();
    await createPod('web', { containers: [CONTAINER] });
    await until('the pod runs', async () => (await getPod('web')).status.phase === 'Running');
    const { status } = await getPod('web');
    assert.equal(status.containerStatuses?.[0]?.ready, true);
    assert.match(status.podIP ?? '', /^10\./);
  });
});
