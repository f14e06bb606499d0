/**
 * From a card to a pod: an image with the layout of Raspberry Pi OS and a userland of Debian's packages is flashed by `bramble
 * flash`, boots on an emulated 64-bit ARM board, joins a real master on this machine, and runs a pod that a stock kubectl
 * sees. The power is cut in the middle of the first boot, and while the pod runs. `npm run e2e -- firmware`: the first time
 * some 15 minutes more, for the userland. Everything in it happens in the order of a board's life.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createProgress } from '../../cli/progress.ts';
import { ensurePackages } from '../../cli/setup/packages.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { createTestContext, startTestCluster, type TestCluster } from '../support/cluster.ts';
import { EmulatedBoard } from '../support/firmware/emulated-board.ts';
import { listBootFiles, makePiImage, readBootFile } from '../support/firmware/pi-image.ts';
import { BOARD_REQUIREMENTS, ensureUserland, makeArmImage } from '../support/firmware/userland.ts';
import { ROOT } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';

const runFile = promisify(execFile);
const MINUTE_MS = 60_000;
/** An emulated board is some twenty times slower than one of silicon, and slower still beside other work. */
const BOOT_PATIENCE_MS = 40 * MINUTE_MS;
const KUBECTL_PATIENCE = { timeoutMs: BOOT_PATIENCE_MS };
const NODE = 'shed';
const IMAGE = 'bramble-test/arm:1';

/** Of Raspberry Pi OS Bookworm, whose own first start needs packages that Debian does not have. */
const BOOT_FILES = {
  'cmdline.txt':
    'console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait\n',
  'config.txt': '[all]\narm_64bit=1\n',
  'issue.txt': 'Raspberry Pi reference 2025-05-13\n',
};

const POD = `
apiVersion: v1
kind: Pod
metadata: {name: on-board}
spec:
  nodeSelector: {kubernetes.io/arch: arm64}
  # An emulated board is away for minutes when its power fails; nobody else could run it.
  tolerations: [{operator: Exists}]
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: ${IMAGE}
      command: [/bin/busybox, sh, -c, '/bin/busybox uname -m; exec /bin/busybox sleep 86400']
`;

const startMs = systemClock.monotonicMs();
/** Progress for a person: this takes a quarter of an hour. */
function note(text: string): void {
  const seconds = String(Math.round((systemClock.monotonicMs() - startMs) / 1000)).padStart(4);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

let folder: string;
let card: string;
let cluster: TestCluster;
let board: EmulatedBoard;

before(async () => {
  const context = createTestContext();
  const output = { isTerminal: false, columns: 80, write: (text: string) => note(text.trimEnd()) };
  await ensurePackages(context, createProgress(output, systemClock), BOARD_REQUIREMENTS);
  const { rootfs } = await ensureUserland(note);
  folder = await mkdtemp(join(tmpdir(), 'bramble-board-'));
  card = join(folder, 'card.img');
  board = new EmulatedBoard({ image: card, folder, note });
  cluster = await startTestCluster();
  note('making an image with the layout of Raspberry Pi OS');
  await makePiImage(join(folder, 'system.img'), { files: BOOT_FILES, root: rootfs });
});

after(async () => {
  await board?.cutPower();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

let isBroken = false;

/** What comes after a chapter of a board's life makes no sense without it. */
function chapter(name: string, live: () => Promise<void>): void {
  test(name, async (context) => {
    if (isBroken) return context.skip('something before it went wrong');
    note(`--- ${name}`);
    try {
      await live();
    } catch (error) {
      isBroken = true;
      note(`the board's last words:\n${board.console.split('\n').slice(-40).join('\n')}`);
      throw error;
    }
  });
}

async function run(program: string, args: readonly string[]): Promise<string> {
  note([program.replace(`${ROOT}/`, ''), ...args].join(' '));
  const { stdout } = await runFile(program, [...args], { cwd: ROOT, maxBuffer: 1024 * 1024 });
  return stdout.trim();
}

chapter('a card is flashed, with all that the board needs on it', async () => {
  await run(process.execPath, ['firmware-scripts/bundle/main.ts', '--arch', 'arm64', '--output', folder]);
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  await makeArmImage(join(folder, 'pod.tar'), IMAGE);
  const bramble = join(ROOT, 'cli/bramble');
  const token = join(folder, 'token');
  await writeFile(token, await run(bramble, ['token', 'create', '--data-dir', cluster.folder.path]));
  await run(bramble, [
    ...[
      'flash',
      '--image',
      join(folder, 'system.img'),
      '--output',
      card,
      '--role',
      'agent',
      '--hostname',
      NODE,
      '--yes',
    ],
    ...['--token', token, '--master', `10.0.2.2:${cluster.state.mqttPort}`],
    ...['--bundle', join(folder, `bramble-${version}-arm64.tar.gz`), '--preload', join(folder, 'pod.tar')],
  ]);
  await rm(join(folder, 'system.img'));
  assert.match(await readBootFile(card, 'cmdline.txt'), / systemd\.run=\/boot\/firmware\/firstrun\.sh /);
});

chapter('its first start gives the board its name, and restarts it', async () => {
  await board.start();
  await board.waitForEnd(BOOT_PATIENCE_MS);
  assert.doesNotMatch(await readBootFile(card, 'cmdline.txt'), /systemd\.run/);
});

chapter('the power fails in the middle of the first boot; the next one goes on, and the board joins', async () => {
  await board.start();
  await board.waitForConsole(/bramble: step bramble/, BOOT_PATIENCE_MS);
  note('the power fails');
  await board.cutPower();
  await board.start();
  await cluster.kubectl.output(['wait', '--for=create', `node/${NODE}`, '--timeout=40m'], KUBECTL_PATIENCE);
  await cluster.kubectl.output(['wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=40m'], KUBECTL_PATIENCE);
  note(await cluster.kubectl.output(['get', 'nodes', '-o', 'wide']));
  assert.doesNotMatch(board.console, /bramble: step tune/, 'what was done is not done again');
});

chapter('it runs a pod of the image that came with the card, and stock kubectl sees it', async () => {
  const { kubectl } = cluster;
  await kubectl.output(['apply', '-f', '-'], { stdin: POD });
  await kubectl.output(['wait', '--for=condition=Ready', 'pod/on-board', '--timeout=40m'], KUBECTL_PATIENCE);
  note(await kubectl.output(['get', 'pods', '-o', 'wide']));
  assert.equal(await kubectl.output(['logs', 'on-board'], KUBECTL_PATIENCE), 'aarch64\n');
  const exec = ['exec', 'on-board', '--', '/bin/busybox', 'uname', '-m'];
  assert.equal(await kubectl.output(exec, KUBECTL_PATIENCE), 'aarch64\n');
});

chapter('the power fails while it runs: node and pod come back by themselves', async () => {
  const { kubectl } = cluster;
  await waitFor('the first boot is through', async () => (await isReady()) || undefined, BOOT_PATIENCE_MS);
  note('the power fails');
  await board.cutPower();
  assert.match(await readBootFile(card, 'bramble/status.txt'), /shed: ready\nThe board has joined the cluster/);
  const left = await listBootFiles(card);
  const secrets = ['bramble/token', 'bramble/bundle.tar.gz', 'bramble/images/1.tar'];
  assert.deepEqual(
    left.filter((path) => secrets.includes(path)),
    [],
  );
  const lost = ['wait', '--for=condition=Ready=Unknown', `node/${NODE}`, '--timeout=2m'];
  await kubectl.output(lost, KUBECTL_PATIENCE);
  note('the power is back');
  await board.start();
  await kubectl.output(['wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=40m'], KUBECTL_PATIENCE);
  await waitFor('the pod runs again', async () => (await readRestarts()) > 0, BOOT_PATIENCE_MS);
  note(await kubectl.output(['get', 'nodes,pods', '-o', 'wide']));
  // Running is told when the program begins; an emulated CPU takes a while until it has written something.
  const output = () => kubectl.output(['logs', 'on-board'], KUBECTL_PATIENCE);
  await waitFor('its program says where it runs', async () => (await output()) === 'aarch64\n', BOOT_PATIENCE_MS);
});

/** The board writes it in the end; FAT is written through at each sync. */
async function isReady(): Promise<boolean> {
  return (await readBootFile(card, 'bramble/status.txt').catch(() => '')).includes('shed: ready');
}

async function readRestarts(): Promise<number> {
  const path = 'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}';
  const [restarts, ready] = (await cluster.kubectl.output(['get', 'pod', 'on-board', '-o', path])).split(' ');
  return ready === 'true' ? Number(restarts) : 0;
}
