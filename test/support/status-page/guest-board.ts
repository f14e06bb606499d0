/**
 * A Raspberry Pi beside the cluster's own nodes: a shipped agent whose sensors are files, in the place of a board that was flashed
 * anew, so that it waits until somebody lets it in. It may reboot its board; but in its own view of the file system, which
 * nobody else has, `systemctl` is a script that writes down what it was asked for. Without that view the agent does not start.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createJoinToken } from '../../../cli/api/create-join-token.ts';
import { withSession } from '../../../cli/api/session.ts';
import { bundlePath, PROGRAM_FLAGS, programEnv } from '../../../cli/setup/bundles.ts';
import { startInBackground } from '../../../cli/setup/processes.ts';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { BOARDS, writeBoard } from '../../unit/node-agent/boards.ts';
import { createTestContext, type TestCluster } from '../cluster.ts';

const TOKEN_TTL_MS = 10 * 60_000;
const SERIAL = '00000000deadbeef';

/** Slow and short of voltage, as the firmware and the kernel say it. */
const TROUBLES = {
  'sys/devices/platform/soc/soc:firmware/get_throttled': '4\n',
  'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
  'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n',
};

/** First in the PATH that the agent gives to programs of the machine. */
const PROGRAMS = '/usr/local/sbin';

/** $1: the folder with the script; then the agent. Only where the script is what would be run. */
const IN_OWN_VIEW = `set -e
mount --bind "$1" ${PROGRAMS}; shift
[ "$(PATH=${PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin command -v systemctl)" = ${PROGRAMS}/systemctl ]
exec "$@"`;

export interface GuestBoard {
  /** What systemctl was asked for, a line each. */
  asked(): Promise<string[]>;
}

/** It ends with the cluster, as every program of its folder. */
export async function startGuestBoard(cluster: TestCluster, name: string): Promise<GuestBoard> {
  const { folder, state, engine } = cluster;
  const context = createTestContext();
  const labels = { 'bramble.dev/serial': SERIAL };
  await cluster.https('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
  const home = folder.nodeFolder(name);
  const programs = await writeSystemctl(home);
  const root = writeBoard({ ...BOARDS.ZERO2, ...TROUBLES }).root;
  const expirationMs = context.clock.nowMs() + TOKEN_TTL_MS;
  const { token } = await withSession(context, { kubeconfig: folder.kubeconfig }, ({ api, profile }) =>
    createJoinToken(context.random, api, { profile, expirationMs }),
  );
  const agent = [
    ...[process.execPath, ...PROGRAM_FLAGS.agent, bundlePath(context, 'agent')],
    ...['--data-dir', home, '--name', name, '--join', token, '--docker', engine.socketPath],
    ...['--master', '127.0.0.1', '--mqtt-port', `${state.mqttPort}`, '--mdns', 'off'],
    ...['--network', 'off', '--peer-port', '0', '--sensors-root', root, '--power-control', 'on'],
  ];
  await startInBackground({
    program: 'unshare',
    args: ['--mount', '--propagation', 'private', 'sh', '-c', IN_OWN_VIEW, 'sh', programs, ...agent],
    env: { ...context.env, ...programEnv('agent') },
    logFile: folder.logFile(name),
    pidFile: folder.pidFile(name),
  });
  const notes = join(home, 'asked');
  return {
    asked: async () => (await readFile(notes, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
  };
}

async function writeSystemctl(home: string): Promise<string> {
  const programs = join(home, 'programs');
  const file = join(programs, 'systemctl');
  await mkdir(programs, { recursive: true });
  await writeFile(file, `#!/bin/sh\necho "$*" >> ${join(home, 'asked')}\necho running\n`);
  await chmod(file, 0o755);
  return programs;
}

/** What a board asks for that has no token: nobody but a person decides. Returns the name of the request. */
export async function askForCertificate(cluster: TestCluster, node: string): Promise<string> {
  const name = `node-csr-${node}`;
  const subject = { commonName: `system:node:${node}`, organizations: ['system:nodes'] };
  const request = Buffer.from(createCertificateRequest(subject, generatePrivateKey())).toString('base64');
  const { code } = await cluster.https('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
    ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name } },
    spec: { request, signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['client auth'] },
  });
  if (code !== 201) throw new Error(`the request was answered with ${code}`);
  return name;
}
