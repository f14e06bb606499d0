/** The bundle for boards, run as 64-bit ARM by qemu-user: its agent joins a real master and runs a pod. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { ensureArm64Libraries, QEMU } from '../support/firmware/arm64.ts';
import { ROOT } from '../support/kubectl.ts';

const runFile = promisify(execFile);
const NODE = 'arm-board';
/** An emulated Node starts some ten times slower. */
const PATIENCE = '120s';
const WAIT = { timeoutMs: 125_000 };

const POD = `
apiVersion: v1
kind: Pod
metadata: {name: on-arm}
spec:
  nodeName: ${NODE}
  terminationGracePeriodSeconds: 1
  containers:
    - {name: main, image: "${TEST_IMAGE}", imagePullPolicy: Never, command: [sh, -c, 'echo here; exec sleep 3600']}
`;

let folder: string;
let libraries: string;
let bundle: string;
let cluster: TestCluster;
let agent: ChildProcess | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bramble-arm64-'));
  [libraries, cluster] = await Promise.all([ensureArm64Libraries(), startTestCluster()]);
  const args = [
    'firmware-scripts/bundle/main.ts',
    '--arch',
    'arm64',
    '--output',
    folder,
    '--sign-with',
    cluster.folder.path,
  ];
  await runFile(process.execPath, args, { cwd: ROOT });
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  bundle = join(folder, `bramble-${version}-arm64`);
  await runFile('tar', ['-xzf', `${bundle}.tar.gz`, '-C', folder]);
});

after(async () => {
  agent?.kill('SIGKILL');
  await cluster.stop();
  // An agent leaves its pods' memory mounted, for the next agent.
  await runFile('umount', [join(folder, 'data/pods-memory')]).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

test('the bundle holds what its list of checksums says', async () => {
  const { stdout } = await runFile('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: bundle });
  assert.equal(stdout, '');
});

test('the native addon and the command work as ARM programs', async () => {
  const addon = join(bundle, 'dist/better-sqlite3.linux-arm64.node');
  const script = `console.log(process.arch, Object.keys(require(${JSON.stringify(addon)})).length > 0)`;
  assert.equal((await emulate('-e', script)).trim(), 'arm64 true');
  assert.match(await emulate(join(bundle, 'dist/cli.cjs'), 'version', '--client'), /\d+\.\d+\.\d+/);
});

async function emulate(...args: readonly string[]): Promise<string> {
  const { stdout } = await runFile(QEMU, ['-L', libraries, join(bundle, 'bin/node'), ...args]);
  return stdout;
}

test('an ARM agent joins and runs a pod that kubectl sees', async () => {
  const { kubectl, state, engine } = cluster;
  const token = await runFile(join(ROOT, 'cli/bramble'), ['token', 'create', '--data-dir', cluster.folder.path]);
  const joinFile = join(folder, 'token');
  await writeFile(joinFile, token.stdout);
  const where = ['--master', '127.0.0.1', '--mqtt-port', String(state.mqttPort), '--docker', engine.socketPath];
  const flags = [
    '--data-dir',
    join(folder, 'data'),
    '--name',
    NODE,
    '--join-file',
    joinFile,
    '--peer-port',
    '0',
    '--network',
    'off',
  ];
  const args = ['-L', libraries, join(bundle, 'bin/node'), join(bundle, 'dist/agent.cjs'), ...where, ...flags];
  agent = spawn(QEMU, args, { stdio: 'ignore' });
  await kubectl.output(['wait', '--for=create', `node/${NODE}`, `--timeout=${PATIENCE}`], WAIT);
  await kubectl.output(['wait', '--for=condition=Ready', `node/${NODE}`, `--timeout=${PATIENCE}`], WAIT);
  await kubectl.output(['apply', '-f', '-'], { stdin: POD });
  await kubectl.output(['wait', '--for=condition=Ready', 'pod/on-arm', `--timeout=${PATIENCE}`], WAIT);
  assert.equal(await kubectl.output(['logs', 'on-arm']), 'here\n');
  await kubectl.output(['delete', 'pod', 'on-arm', `--timeout=${PATIENCE}`], WAIT);
});
