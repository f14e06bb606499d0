/** What a node answers about itself: metrics, health, what keeps it from being a good node, power. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import {
  checkDisk,
  checkEngine,
  checkMemoryLimits,
  checkPower,
  examineNode,
} from '../../../node-agent/kubelet/api/node-doctor.ts';
import { switchPower } from '../../../node-agent/kubelet/api/node-power.ts';
import type { Shell } from '../../../shared/platform/shell.ts';
import type { Request, Response } from '../../../shared/protocol/exchange.ts';
import { type AgentFixture, createAgentFixture, SAMPLE } from './agent-fixture.ts';

let fixture: AgentFixture | undefined;
afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

async function open(): Promise<AgentFixture> {
  const opened = await createAgentFixture();
  fixture = opened;
  await opened.createPod('web', { containers: [{ name: 'main', image: 'app:1' }] });
  await opened.until('it runs', async () => (await opened.getPod('web')).status.phase === 'Running');
  return opened;
}

function ask(path: string, method: Request['method'] = 'GET', query = {}): Request {
  return { method, path, query, headers: {}, signal: new AbortController().signal };
}

async function textOf(response: Response): Promise<string> {
  assert.equal(response.type, 'bytes');
  let text = '';
  if (response.type === 'bytes') for await (const chunk of response.chunks) text += Buffer.from(chunk).toString();
  return text;
}

describe('a node', () => {
  it('has metrics under the names of Kubernetes, and the board’s own', async () => {
    const { agent } = await open();
    const text = await textOf(await agent.handler(ask('/metrics')));
    for (const line of [
      'kubelet_node_name{node="pi-1"} 1',
      'kubelet_running_pods 1',
      'kubelet_running_containers{container_state="running"} 1',
      'machine_cpu_cores 4',
      'bramble_node_temperature_celsius 45',
      'bramble_node_throttled 0',
      'bramble_node_disk_available_bytes 21474836480',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
    }
    assert.match(text, /^container_memory_working_set_bytes\{container="main",namespace="default",pod="web"\} \d+$/m);
    assert.match(text, /^pod_cpu_usage_seconds_total\{namespace="default",pod="web"\} [\d.]+$/m);
    assert.match(text, /^process_resident_memory_bytes \d+$/m);
    assert.doesNotMatch(text, /wifi/, 'a sensor that is not there gives no line');
  });
  it('says whether it is well, and why not', async () => {
    const { agent, runtime, until } = await open();
    assert.equal(await textOf(await agent.handler(ask('/healthz'))), 'ok');
    assert.match(
      await textOf(await agent.handler(ask('/healthz', 'GET', { verbose: [''] }))),
      /\[\+\]container-runtime ok/,
    );
    runtime.setAvailable(false);
    await until('it noticed', async () => agent.kubelet.state.problem !== undefined);
    await assert.rejects(agent.handler(ask('/healthz')), {
      reason: 'InternalError',
      message: /container-runtime failed/,
    });
    assert.doesNotMatch(await textOf(await agent.handler(ask('/metrics'))), /container_cpu/);
  });
  it('reboots only where it may', async () => {
    const { agent } = await open();
    await assert.rejects(agent.handler(ask('/power/reboot', 'POST')), {
      reason: 'Forbidden',
      message: /--power-control on/,
    });
    await assert.rejects(agent.handler(ask('/power/reboot')), { reason: 'NotFound' });
  });
});

describe('power', () => {
  const calls: (readonly string[])[] = [];
  const shell = (code: number, stderr = ''): Shell => ({
    run: async (program, args) => {
      calls.push([program, ...args]);
      return { code, stdout: '', stderr };
    },
  });
  it('is switched by systemd, which does not wait', async () => {
    await switchPower('shutdown', shell(0));
    assert.deepEqual(calls.pop(), ['systemctl', '--no-block', '--no-wall', 'poweroff']);
    await switchPower('reboot', shell(0));
    assert.deepEqual(calls.pop(), ['systemctl', '--no-block', '--no-wall', 'reboot']);
  });
  it('says what systemd said, and knows no other words', async () => {
    await assert.rejects(switchPower('reboot', shell(1, 'Access denied\n')), {
      message: 'the board cannot reboot: Access denied',
    });
    await assert.rejects(switchPower('explode', shell(0)), { reason: 'BadRequest' });
  });
});

describe('doctor', () => {
  const info = {
    ...{ name: 'docker', version: '26.1.5', operatingSystem: 'linux', architecture: 'arm64', kernelVersion: '6.12' },
    ...{
      osImage: '',
      cgroupVersion: 2 as const,
      memoryLimits: true,
      cgroupDriver: '',
      storagePath: '',
      appArmor: false,
      recursiveReadOnly: false,
    },
  };
  it('judges the engine, cgroups, the disk and the power', () => {
    assert.equal(checkEngine(info).result, 'fine');
    assert.match(checkEngine({ ...info, version: '19.03.8' }).hint ?? '', /20\.10 or newer/);
    assert.equal(checkMemoryLimits(info).result, 'fine');
    assert.match(checkMemoryLimits({ ...info, memoryLimits: false }).hint ?? '', /cgroup_enable=memory/);
    assert.equal(checkDisk(SAMPLE).result, 'fine');
    assert.equal(checkDisk({ ...SAMPLE, diskAvailableBytes: 1e9 }).result, 'warning');
    assert.match(checkPower({ ...SAMPLE, underVoltage: true }).message, /supply voltage is too low, 45 °C/);
    assert.match(checkPower({ ...SAMPLE, throttled: true }).message, /slows itself down/);
  });
  it('reports also while the engine is away, and which programs are missing', async () => {
    const report = await examineNode({
      runtime: { info: () => Promise.reject(new Error('no engine at /run/docker.sock')) },
      ...{
        lastSample: () => undefined,
        clock: { nowMs: () => 7, monotonicMs: () => 0, after: () => ({ cancel() {} }) },
      },
      shell: { run: async (program) => ({ code: program === 'nft' ? -1 : 0, stdout: '', stderr: '' }) },
    });
    assert.deepEqual(
      report.findings.map(({ name, result, message }) => [name, result, message]),
      [
        ['Docker', 'problem', 'no engine at /run/docker.sock'],
        ['Programs', 'warning', 'nftables missing'],
      ],
    );
  });
});
