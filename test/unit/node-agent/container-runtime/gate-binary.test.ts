import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import {
  GATE_DIRECTORY,
  GATE_PROGRAM,
  GATE_SOCKET,
  renderGateArguments,
  renderGateBinary,
} from '../../../../node-agent/container-runtime/gate-binary.ts';
import { findBusybox } from '../../../support/docker.ts';
import { waitFor } from '../../../support/wait.ts';

type Architecture = Parameters<typeof renderGateBinary>[0];

const BUSYBOX = '/bin/busybox';
const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', GREETING: 'hello' };
const TIMEOUT_MS = 30_000;

/** Inside the root, for CPUs that this machine has not. It executes programs of this machine's CPU in its own place. */
const EMULATOR = '/emulator';
const EMULATORS = { amd64: '/usr/bin/qemu-x86_64-static', arm64: '/usr/bin/qemu-aarch64-static' };
const OWN = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** Numbers of this machine's system calls as /proc/<pid>/syscall shows them: read; pause, ppoll, rt_sigsuspend. */
const READ = { amd64: '0', arm64: '63' }[OWN];
const PARKED = { amd64: ['34', '271'], arm64: ['73', '133'] }[OWN];

describe('gate binary', () => {
  // Each instruction was compared with its comment by disassembly (objdump), and the cases below were run: amd64 on its CPU,
  // arm64 under qemu-user. Any change of a byte has to be verified again.
  const digests = { amd64: 'f055cfc488fd7217', arm64: '89d059cb32b75750' };
  for (const architecture of ['amd64', 'arm64'] as const) {
    it(`for ${architecture} is as verified`, () => {
      const binary = renderGateBinary(architecture);
      assert.equal(binary.length, 401);
      assert.equal(createHash('sha256').update(binary).digest('hex').slice(0, 16), digests[architecture]);
    });
  }
  it('takes the candidates and the program, separated by an empty argument', () => {
    const args = renderGateArguments(['/bin/sh', 'sh'], ['sh', '-c', '']);
    assert.deepEqual(args, ['/.bramble/gate', '/bin/sh', 'sh', '', 'sh', '-c', '']);
  });
});

/** A folder to be the root of gates, with a door where the test listens. */
class Root {
  readonly path = mkdtempSync(join(tmpdir(), 'gate-'));
  readonly #server: Server = createServer();
  readonly #children: ChildProcess[] = [];
  readonly #runner: readonly string[];

  constructor(architecture: Architecture) {
    for (const folder of [GATE_DIRECTORY, '/bin', '/data']) mkdirSync(join(this.path, folder));
    writeFileSync(join(this.path, GATE_PROGRAM), renderGateBinary(architecture), { mode: 0o755 });
    copyFileSync(findBusybox(), join(this.path, BUSYBOX));
    chmodSync(join(this.path, BUSYBOX), 0o755);
    writeFileSync(join(this.path, 'data/plain'), 'no program', { mode: 0o644 });
    writeFileSync(join(this.path, 'data/text'), 'no program', { mode: 0o755 });
    this.#runner = architecture === OWN ? [] : [EMULATOR];
    if (architecture !== OWN) copyFileSync(EMULATORS[architecture], join(this.path, EMULATOR));
  }

  async open(): Promise<void> {
    this.#server.listen(join(this.path, GATE_SOCKET));
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.path, { recursive: true });
  }

  /** All that comes before the gate executes what it is given in its own place: the child's process is the gate's. */
  start(args: readonly string[], folder = '/'): Gate {
    const enter = [this.path, BUSYBOX, 'sh', '-c', 'cd "$0"; exec "$@"', folder];
    const child = spawn('chroot', [...enter, ...this.#runner, ...args], {
      env: ENV,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    return new Gate(child);
  }

  nextAtTheDoor(): Promise<Socket> {
    return new Promise((resolve) => this.#server.once('connection', resolve));
  }
}

/** A process that began as a gate. */
class Gate {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  output = '';

  constructor(child: ChildProcess) {
    this.child = child;
    this.ended = once(child, 'close');
    child.stdout?.on('data', (bytes: Buffer) => {
      this.output += bytes.toString();
    });
  }

  /** The number of the system call that it sleeps in. */
  syscall(): string {
    return this.#proc('syscall').split(' ')[0] ?? '';
  }

  /** What the kernel keeps with a NUL after each: `cmdline`, `environ`. */
  strings(name: string): string[] {
    return this.#proc(name).split('\0').slice(0, -1);
  }

  /** Names of the sockets that it holds, which its input and output are too. */
  sockets(): string[] {
    const folder = `/proc/${this.child.pid}/fd`;
    const links = readdirSync(folder).map((descriptor) => readlinkSync(join(folder, descriptor)));
    return links.filter((link) => link.startsWith('socket:')).sort();
  }

  #proc(name: string): string {
    return readFileSync(`/proc/${this.child.pid}/${name}`, 'utf8');
  }
}

/** Opens the gate. Resolves with what the gate says until it hangs up. */
async function letIn(door: Socket): Promise<number[]> {
  door.write('.');
  return [...(await buffer(door))];
}

function whyNot(architecture: Architecture): string | false {
  if (process.getuid?.() !== 0) return 'needs root to change its root';
  if (architecture === OWN || existsSync(EMULATORS[architecture])) return false;
  return `needs ${EMULATORS[architecture]}`;
}

for (const architecture of ['amd64', 'arm64'] as const) {
  describe(`a gate on ${architecture}`, { skip: whyNot(architecture), timeout: TIMEOUT_MS }, () => {
    let root: Root;
    before(async () => {
      root = new Root(architecture);
      await root.open();
    });
    after(() => root.close());

    async function enter(args: readonly string[], folder?: string): Promise<{ gate: Gate; door: Socket }> {
      const knock = root.nextAtTheDoor();
      const gate = root.start(args, folder);
      return { gate, door: await knock };
    }

    it('executes the program in its place', async () => {
      const script = 'echo $$; read line; exit 7';
      const program = ['sh', '-c', script, 'zero', '', 'two'];
      const { gate, door } = await enter(renderGateArguments(['/bin/none', BUSYBOX, '/data/text'], program));
      await waitFor('the gate to read', () => gate.syscall() === READ);
      const [environment, sockets] = [gate.strings('environ'), gate.sockets()];
      assert.ok(environment.includes('GREETING=hello'));
      assert.deepEqual(await letIn(door), []);
      await waitFor('the program to speak', () => gate.output.endsWith('\n'));
      assert.equal(gate.output, `${gate.child.pid}\n`);
      assert.deepEqual(gate.strings('cmdline'), program);
      // An emulator hands on the same variables in another order.
      assert.deepEqual(gate.strings('environ').sort(), environment.sort());
      const kept = gate.sockets();
      assert.equal(sockets.length - kept.length, 1, 'the program does not inherit the door');
      assert.ok(kept.every((socket) => sockets.includes(socket)));
      gate.child.stdin?.end();
      assert.deepEqual(await gate.ended, [7, null]);
    });

    it('waits for the byte', async () => {
      const args = renderGateArguments([BUSYBOX], ['echo', 'here']);
      const { gate, door } = await enter(args);
      await waitFor('the gate to read', () => gate.syscall() === READ);
      assert.deepEqual(gate.strings('cmdline').slice(-args.length), args);
      assert.equal(gate.output, '');
      assert.deepEqual(await letIn(door), []);
      assert.deepEqual(await gate.ended, [0, null]);
      assert.equal(gate.output, 'here\n');
    });

    for (const first of ['/bin/none', `${BUSYBOX}/none`, '/data/plain', '/data']) {
      it(`passes over ${first}`, async () => {
        const { gate, door } = await enter(renderGateArguments([first, BUSYBOX], ['echo', 'here']));
        assert.deepEqual(await letIn(door), []);
        assert.deepEqual(await gate.ended, [0, null]);
        assert.equal(gate.output, 'here\n');
      });
    }

    it('takes paths from its working directory', async () => {
      const { gate, door } = await enter(renderGateArguments(['../bin/busybox'], ['pwd']), '/data');
      assert.deepEqual(await letIn(door), []);
      assert.deepEqual(await gate.ended, [0, null]);
      assert.equal(gate.output, '/data\n');
    });

    const echo = ['echo', 'here'];
    const refusals: [string, string[], number][] = [
      ['no candidate is found', renderGateArguments(['/bin/none', `${BUSYBOX}/none`], echo), 2],
      ['there is no candidate', renderGateArguments([], echo), 2],
      ['one may not be executed and the others are not there', renderGateArguments(['/data/plain', '/none'], echo), 13],
      ['one is no program, though the next is', renderGateArguments(['/data/text', BUSYBOX], echo), 8],
      ['one cannot be tried', renderGateArguments(['/data/plain', 'x'.repeat(256), BUSYBOX], echo), 36],
      ['there is no separator', [GATE_PROGRAM, BUSYBOX], 22],
      ['there are no arguments', [GATE_PROGRAM], 22],
    ];
    for (const [what, args, errno] of refusals) {
      it(`says ${errno} when ${what}`, async () => {
        const { gate, door } = await enter(args);
        assert.deepEqual(await letIn(door), [errno]);
        assert.deepEqual(await gate.ended, [127, null]);
        assert.equal(gate.output, '');
      });
    }

    it('stays shut when the agent goes away', async () => {
      const { gate, door } = await enter(renderGateArguments([BUSYBOX], echo));
      await waitFor('the gate to read', () => gate.syscall() === READ);
      door.destroy();
      await expectParked(gate);
    });

    it('stays shut when nobody is at the door', async () => {
      const empty = new Root(architecture);
      try {
        await expectParked(empty.start(renderGateArguments([BUSYBOX], echo)));
      } finally {
        await empty.close();
      }
    });
  });
}

async function expectParked(gate: Gate): Promise<void> {
  await waitFor('the gate to wait for ever', () => PARKED.includes(gate.syscall()));
  gate.child.kill('SIGKILL');
  assert.deepEqual(await gate.ended, [null, 'SIGKILL']);
  assert.equal(gate.output, '');
}
