/** Pure parts of the Docker adapter: names, labels, requests, records, streams, the sandbox's image. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { ContainerDetails } from '../../../../node-agent/container-runtime/docker-client.ts';
import { renderContainer, renderSandbox } from '../../../../node-agent/container-runtime/docker-config.ts';
import { toRuntimeError } from '../../../../node-agent/container-runtime/docker-errors.ts';
import {
  parseAnnotations,
  parseIdentity,
  renderContainerName,
  renderLabels,
} from '../../../../node-agent/container-runtime/docker-labels.ts';
import { normalizeArchitecture, parseContainer } from '../../../../node-agent/container-runtime/docker-records.ts';
import { demultiplex, jsonLines } from '../../../../node-agent/container-runtime/docker-streams.ts';
import { renderPauseBinary } from '../../../../node-agent/container-runtime/pause-binary.ts';
import { renderPauseArchive } from '../../../../node-agent/container-runtime/pause-image.ts';
import { renderTar } from '../../../../node-agent/container-runtime/tar.ts';
import { containerConfig } from '../../../contract/runtime-contract.ts';

const pod = { namespace: 'default', name: 'web', uid: 'uid-1' };
const identity = { node: 'pi-1', pod, name: 'main', attempt: 3 };

describe('docker labels', () => {
  it('come back as they went', () => {
    const labels = renderLabels(identity, { 'bramble.dev/node': 'fake', 'a/b': 'c' });
    assert.deepEqual(parseIdentity(labels), identity);
    assert.deepEqual(parseAnnotations(labels), { 'bramble.dev/node': 'fake', 'a/b': 'c' });
  });
  it('of others are not ours', () => assert.equal(parseIdentity({ maintainer: 'x' }), undefined));
  it('and names collide for the same run only', () => {
    assert.equal(renderContainerName(identity), 'k8s_main_web_default_uid-1_3');
  });
});

describe('docker requests', () => {
  const config = containerConfig(pod, 'app:1', {
    command: ['run'],
    resources: { cpuShares: 204, cpuLimitMillis: 5, memoryLimitBytes: 1 << 20, oomScoreAdj: 999 },
    mounts: [{ hostPath: '/h', containerPath: '/c', readOnly: true, recursiveReadOnly: false, propagation: 'private' }],
  });
  const host = renderContainer('pi-1', 'sandbox', config).HostConfig;
  it('join the sandbox', () => {
    assert.deepEqual([host?.NetworkMode, host?.IpcMode, host?.PidMode], ['container:sandbox', 'container:sandbox', '']);
  });
  it('never ask for a smaller quota than the kernel takes', () => assert.equal(host?.CpuQuota, 1_000));
  it('leave no swap beside the memory limit', () => assert.equal(host?.MemorySwap, host?.Memory));
  it('bind mounts with their mode', () => assert.deepEqual(host?.Binds, ['/h:/c:ro']));
  it('bind paths with a colon all the same', () => {
    const mounts = config.mounts.map((mount) => ({ ...mount, hostPath: '/dev/pci-0:1' }));
    const { HostConfig } = renderContainer('pi-1', 'sandbox', { ...config, mounts });
    assert.deepEqual([HostConfig?.Binds, HostConfig?.Mounts?.[0]?.Source], [[], '/dev/pci-0:1']);
  });
  it('see the processes of the pod or of the host when asked for', () => {
    const modes = (['pod', 'host'] as const).map(
      (pidMode) => renderContainer('pi-1', 'sandbox', { ...config, pidMode }).HostConfig?.PidMode,
    );
    assert.deepEqual(modes, ['container:sandbox', 'host']);
  });
  it('bind one port to several host ports', () => {
    const port = { containerPort: 80, hostIp: '', protocol: 'TCP' as const };
    const sandbox = renderSandbox(
      {
        ...{ pod, attempt: 0, hostname: 'web', domainname: '', hostNetwork: false, hostPid: false, hostIpc: false },
        ...{ dns: undefined, hostAliases: [], sysctls: {}, annotations: {} },
        ports: [
          { ...port, hostPort: 8080 },
          { ...port, hostPort: 8081 },
          { ...port, hostPort: 0 },
        ],
      },
      { node: 'pi-1', network: 'bridge', oomScoreAdj: 0 },
    );
    assert.deepEqual(sandbox.HostConfig?.PortBindings, {
      '80/tcp': [
        { HostIp: '', HostPort: '8080' },
        { HostIp: '', HostPort: '8081' },
      ],
    });
  });
});

describe('docker records', () => {
  const NEVER = '0001-01-01T00:00:00Z';
  const details = (state: Partial<ContainerDetails['State']>): ContainerDetails =>
    ({
      Id: 'c1',
      Created: '2026-01-01T00:00:00Z',
      Image: 'sha256:1',
      Config: { Image: 'app:1', Labels: renderLabels(identity, {}) },
      HostConfig: { CpuShares: 204, CpuPeriod: 100_000, CpuQuota: 20_000, Memory: 1 << 20 },
      State: {
        Running: false,
        ExitCode: 0,
        Error: '',
        OOMKilled: false,
        StartedAt: NEVER,
        FinishedAt: NEVER,
        ...state,
      },
    }) as ContainerDetails;
  const started = { StartedAt: '2026-01-01T00:00:01Z' };
  const cases: [string, Partial<ContainerDetails['State']>, object][] = [
    ['made, never started', {}, { state: 'created', exit: undefined }],
    ['running', { Running: true, ...started }, { state: 'running', exit: undefined }],
    ['paused counts as running', { Paused: true, ...started }, { state: 'running', exit: undefined }],
  ];
  for (const [name, state, expected] of cases) {
    it(name, () => {
      const record = parseContainer(details(state));
      assert.deepEqual({ state: record?.state, exit: record?.exit }, expected);
    });
  }
  it('ended by a signal', () => {
    const record = parseContainer(
      details({ ...started, ExitCode: 137, FinishedAt: '2026-01-01T00:00:05Z', OOMKilled: true }),
    );
    assert.equal(record?.state, 'exited');
    assert.deepEqual([record.exit?.code, record.exit?.signal, record.exit?.oomKilled], [137, 9, true]);
    assert.equal(record.exit?.finishedAtMs, Date.parse('2026-01-01T00:00:05Z'));
  });
  it('a start that failed is an end', () => {
    const record = parseContainer(details({ ExitCode: 127, Error: 'no such file' }));
    assert.equal(record?.state, 'exited');
    assert.deepEqual([record.exit?.startFailed, record.exit?.code, record.exit?.message], [true, 128, 'no such file']);
  });
  it('Go names of CPUs', () => {
    assert.deepEqual(['x86_64', 'aarch64', 'riscv64'].map(normalizeArchitecture), ['amd64', 'arm64', 'riscv64']);
  });
});

describe('docker errors', () => {
  const cases: [unknown, string, RegExp][] = [
    [{ code: 'ENOENT' }, 'unavailable', /--docker/],
    [{ code: 'ECONNREFUSED' }, 'unavailable', /start Docker/],
    [{ code: 'EACCES' }, 'unavailable', /group docker/],
    [{ statusCode: 404, json: { message: 'no such thing' } }, 'not-found', /^no such thing$/],
    [{ statusCode: 409, message: 'taken' }, 'conflict', /taken/],
    [{ statusCode: 400, message: 'bad' }, 'invalid', /bad/],
    [{ statusCode: 500, message: 'oops' }, 'failed', /oops/],
    ['odd', 'failed', /odd/],
  ];
  for (const [error, reason, message] of cases) {
    it(`${JSON.stringify(error)} is ${reason}`, () => {
      const typed = toRuntimeError(error, '/s.sock');
      assert.equal(typed.reason, reason);
      assert.match(typed.message, message);
    });
  }
});

describe('docker streams', () => {
  const frame = (stream: number, text: string): Buffer => {
    const header = Buffer.alloc(8);
    header[0] = stream;
    header.writeUInt32BE(text.length, 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };
  async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  for (const size of [1, 3, 8, 1000]) {
    it(`come apart right in pieces of ${size} bytes`, async () => {
      const wire = Buffer.concat([frame(1, 'hello '), frame(2, 'bad'), frame(1, ''), frame(1, 'world')]);
      const seen = { stdout: '', stderr: '' };
      for await (const { stream, bytes } of demultiplex(pieces(wire, size)))
        seen[stream] += Buffer.from(bytes).toString();
      assert.deepEqual(seen, { stdout: 'hello world', stderr: 'bad' });
    });
  }
  it('of JSON lines keep what is whole', async () => {
    const wire = Buffer.from('{"a":1}\n{"b":"ü"}\nnonsense\n{"c":3}');
    const values: unknown[] = [];
    for await (const value of jsonLines(pieces(wire, 4))) values.push(value);
    assert.deepEqual(values, [{ a: 1 }, { b: 'ü' }, { c: 3 }]);
  });
});

describe('sandbox image', () => {
  // Verified once by disassembly and by running both programs; any change of a byte has to be verified again.
  const digests = { amd64: '9f27f9df0d028a50', arm64: '25920daccde5e585' };
  for (const architecture of ['amd64', 'arm64'] as const) {
    it(`holds the program for ${architecture}`, () => {
      const binary = renderPauseBinary(architecture);
      assert.equal(binary.length, 264);
      assert.equal(Buffer.from(binary).subarray(0, 4).toString('latin1'), '\x7fELF');
      const digest = createHash('sha256').update(binary).digest('hex').slice(0, 16);
      assert.equal(digest, digests[architecture]);
      assert.ok(renderPauseArchive(architecture).includes(`"architecture":"${architecture}"`));
    });
  }
  it('is the same each time', () => assert.deepEqual(renderPauseArchive('arm64'), renderPauseArchive('arm64')));
  it('is a tar that ends in two empty blocks', () => {
    const tar = renderTar([{ name: 'a', mode: 0o644, bytes: Buffer.from('x') }]);
    assert.equal(tar.length % 512, 0);
    assert.ok(tar.subarray(-1024).every((byte) => byte === 0));
  });
});
