/** The commands that become the programs themselves, and what is done to a board: approved, rebooted, turned off. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { findFreePorts } from '../../support/cluster.ts';
import { waitFor } from '../../support/wait.ts';
import { BRAMBLE, type CommandWorld } from './world.ts';

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

interface Running {
  text(): string;
  /** Asks it to end; resolves with its exit code. */
  stop(): Promise<number>;
}

function start(world: CommandWorld, words: readonly string[]): Running {
  const [program = '', ...args] = words;
  const child: ChildProcess = spawn(program, args, { env: world.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => Number(code ?? -1));
  return {
    text: () => text,
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      world.note(words.slice(words.indexOf(BRAMBLE) + 1), { code, output: text });
      return code;
    },
  };
}

export function testPrograms(world: CommandWorld): void {
  const { bramble, refuses } = world;

  test('master: runs in the foreground until it is asked to end', async () => {
    const [api, mqtt] = (await findFreePorts(2)).map(String);
    const dataDir = world.path('attic');
    const flags = ['--data-dir', dataDir, '--listen', '127.0.0.1', '--mdns', 'off', '--status-access', 'off'];
    const master = start(world, [BRAMBLE, 'master', ...flags, '--api-port', `${api}`, '--mqtt-port', `${mqtt}`]);
    try {
      await waitFor('an answer', async () => (await world.run('get', 'ns', '--data-dir', dataDir)).code === 0);
    } finally {
      assert.equal(await master.stop(), 0, master.text());
    }
    await refuses(69, /does not answer.*\n +→ is it running\? bramble up/, 'get', 'ns', '--data-dir', dataDir);
    await refuses(2, /bramble master: --api-port takes a port number/, 'master', '--api-port', 'x');
  });

  test('node approve: a board waits until somebody says that it is the right one', async () => {
    const { https } = world.cluster;
    const subject = { commonName: 'system:node:barn', organizations: ['system:nodes'] };
    const request = Buffer.from(createCertificateRequest(subject, generatePrivateKey())).toString('base64');
    const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
    const spec = { request, signerName, usages: ['digital signature', 'client auth'] };
    const identity = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' };
    await https('POST', REQUESTS, { ...identity, metadata: { name: 'csr-barn' }, spec });
    assert.equal(await bramble('node', 'approve'), 'barn waits (csr-barn)\n');
    await refuses(1, /no board waits under pi-9\n +→ these wait: barn/, 'node', 'approve', 'pi-9');
    assert.equal(await bramble('node', 'approve', 'barn'), 'barn approved\n');
    await waitFor('the certificate', async () => {
      const { body } = await https('GET', `${REQUESTS}/csr-barn`);
      return (body['status'] as { certificate?: string }).certificate;
    });
    assert.equal(await bramble('node', 'approve'), 'no board waits to be approved\n');
  });

  test('agent: joins with a token, and its board is rebooted and turned off where it may be', async () => {
    const { state, engine } = world.cluster;
    const [tools, calls] = [world.path('tools'), world.path('calls')];
    await mkdir(tools);
    await writeFile(`${tools}/systemctl`, `#!/bin/sh\necho "$@" >>${calls}\n`, { mode: 0o755 });
    // In a mount namespace of its own: where the agent looks first for systemctl, this machine's is not.
    const isolated = ['unshare', '-m', 'sh', '-ec', `mount --bind ${tools} /usr/local/sbin; exec "$@"`, 'sh'];
    const token = (await bramble('token', 'create')).trim();
    const master = ['--master', '127.0.0.1', '--mqtt-port', `${state.mqttPort}`, '--docker', engine.socketPath];
    const own = ['--data-dir', world.path('shed'), '--name', 'shed', '--join', token, '--power-control', 'on'];
    const off = [
      '--network',
      'off',
      '--mdns',
      'off',
      '--peer-port',
      '0',
      '--ingress-http-port',
      '0',
      '--ingress-https-port',
      '0',
    ];
    const agent = start(world, [...isolated, BRAMBLE, 'agent', ...own, ...master, ...off]);
    try {
      await waitFor('the node', async () => (await world.run('get', 'node', 'shed')).code === 0);
      await bramble('wait', 'node/shed', '--for', 'condition=Ready', '--timeout', '60s');
      assert.equal(
        await bramble('node', 'reboot', 'shed', '--yes', '--cordon'),
        'node/shed cordoned\nnode/shed reboots\n',
      );
      const shutdown = world.terminal('node', 'shutdown', 'shed');
      await waitFor('the question', () => shutdown.text().includes('Type its name to shutdown shed: '));
      shutdown.write('shed\n');
      assert.equal(await shutdown.ended, 0, shutdown.text());
      assert.match(await readFile(calls, 'utf8'), /^--no-block --no-wall reboot\n--no-block --no-wall poweroff\n$/);
    } finally {
      assert.equal(await agent.stop(), 0, agent.text());
    }
    await refuses(
      1,
      /bramble agent: this node has not joined a cluster yet: run "bramble token create"/,
      'agent',
      '--data-dir',
      world.path('none'),
      ...master,
    );
    await refuses(
      66,
      /there is no bundle .*\n +→ npm run bundle/,
      'node',
      'update',
      'shed',
      '--bundle',
      world.path('no-bundle'),
    );
    await refuses(77, /cannot be read: ENOTDIR/, 'down', '--data-dir', '/dev/null/x');
  });
}
