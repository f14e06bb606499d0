/** Images: which were used, which go first, which never go; and how the last boot ended. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { classifyStartTrouble } from '../../../../node-agent/container-runtime/start-trouble.ts';
import { BootMarker } from '../../../../node-agent/kubelet/gc/boot-marker.ts';
import { CrashHints } from '../../../../node-agent/kubelet/gc/crash-hints.ts';
import { ImageCollector } from '../../../../node-agent/kubelet/gc/image-collector.ts';
import { ImageLedger } from '../../../../node-agent/kubelet/gc/image-ledger.ts';
import { createMemoryFile, createSmallFile, type SmallFile } from '../../../../node-agent/kubelet/gc/small-file.ts';
import { sortObserved } from '../../../../node-agent/kubelet/pod/observed-pod.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { containerConfig } from '../../../contract/runtime-contract.ts';
import { FakeRuntime } from '../../../support/fake-runtime.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { ended } from '../kubelet/builders.ts';

const folder = mkdtempSync(join(tmpdir(), 'bramble-gc-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const idOf = (reference: string): string => `sha256:${reference}`;

function countingFile(): SmallFile & { writes: number } {
  const file = createMemoryFile();
  const counting = {
    ...file,
    writes: 0,
    write(text: string) {
      counting.writes += 1;
      return file.write(text);
    },
  };
  return counting;
}

describe('ImageLedger', () => {
  it('keeps the order of use', () => {
    const ledger = new ImageLedger(createMemoryFile(), silentLogger);
    ledger.use(['a', 'b', 'c']);
    ledger.use(['a']);
    assert.deepEqual(ledger.longestUnusedFirst(), ['b', 'c', 'a']);
  });
  it('is written when an image is new, not when it is used again', async () => {
    const file = countingFile();
    const ledger = new ImageLedger(file, silentLogger);
    for (let round = 0; round < 5; round += 1) ledger.use(['a', 'b']);
    await ledger.settled();
    assert.equal(file.writes, 1);
    ledger.use(['c']);
    await ledger.settled();
    const next = new ImageLedger(file, silentLogger);
    await next.load();
    assert.deepEqual(next.longestUnusedFirst(), ['a', 'b', 'c']);
  });
  it('forgets the longest unused beyond its bound', () => {
    const ledger = new ImageLedger(createMemoryFile(), silentLogger);
    ledger.use(Array.from({ length: 600 }, (_, index) => `${index}`));
    assert.deepEqual([ledger.longestUnusedFirst().length, ledger.longestUnusedFirst()[0]], [512, '88']);
  });
  for (const text of ['', '{', '{"a":1}', '[1,"a"]']) {
    it(`reads ${JSON.stringify(text)}`, async () => {
      const file = createMemoryFile();
      await file.write(text);
      const ledger = new ImageLedger(file, silentLogger);
      await ledger.load();
      assert.deepEqual(ledger.longestUnusedFirst(), text.includes('"a"]') ? ['a'] : []);
    });
  }
});

describe('ImageCollector', () => {
  async function open(assigned: string[] = [], inUse: string[] = []) {
    const runtime = new FakeRuntime({ clock: createVirtualClock(), node: 'n' });
    const ledger = new ImageLedger(createMemoryFile(), silentLogger);
    const names = ['a', 'b', 'c', 'd'];
    // An image that is looked at is there.
    for (const name of [...names, 'foreign']) await runtime.imageStatus(name);
    ledger.use(names.map(idOf));
    const collector = new ImageCollector({
      ...{ runtime, ledger, logger: silentLogger },
      assigned: () => assigned,
      inUse: () => new Set(inUse.map(idOf)),
    });
    const left = async () => (await runtime.listImages()).flatMap(({ references }) => references);
    return { runtime, ledger, collector, left };
  }
  const never = async () => false;

  it('takes the longest unused first, and no more than needed', async () => {
    const { collector, ledger, left } = await open();
    ledger.use([idOf('a')]);
    const answers = [false, false, true];
    const isEnough = async (): Promise<boolean> => answers.shift() ?? true;
    assert.deepEqual(await collector.collect(isEnough), [idOf('b'), idOf('c')]);
    assert.deepEqual(await left(), ['a', 'd', 'foreign']);
  });
  it('never takes what a pod names, what has a container, or what no pod used', async () => {
    const { collector, left } = await open(['b'], ['c']);
    await collector.collect(never);
    assert.deepEqual(await left(), ['b', 'c', 'foreign']);
  });
  it('goes on where the engine refuses', async () => {
    const { collector, runtime, left } = await open();
    const pod = { namespace: 'x', name: 'x', uid: 'x' };
    const sandbox = await runtime.runSandbox({
      ...{
        pod,
        attempt: 0,
        hostname: 'x',
        domainname: '',
        hostNetwork: false,
        hostPid: false,
        hostIpc: false,
        ports: [],
      },
      ...{ dns: undefined, hostAliases: [], sysctls: {}, annotations: {} },
    });
    await runtime.createContainer(sandbox, containerConfig(pod, 'b'));
    await collector.collect(never);
    assert.deepEqual(await left(), ['b', 'foreign']);
  });
  it('forgets images that somebody else removed', async () => {
    const { collector, runtime, ledger } = await open();
    await runtime.removeImage(idOf('a'));
    await collector.collect(async () => true);
    assert.ok(!ledger.longestUnusedFirst().includes(idOf('a')));
  });
});

describe('BootMarker', () => {
  async function boots(...steps: [bootId: string, endsWell: boolean][]): Promise<boolean[]> {
    const file = createMemoryFile();
    const found: boolean[] = [];
    for (const [bootId, endsWell] of steps) {
      const marker = new BootMarker(file, silentLogger);
      await marker.begin(bootId);
      found.push(marker.isUnclean);
      if (endsWell) await marker.end();
    }
    return found;
  }
  it('a first start is clean', async () => assert.deepEqual(await boots(['a', false]), [false]));
  it('a killed agent is no power cut', async () =>
    assert.deepEqual(await boots(['a', false], ['a', false]), [false, false]));
  it('a boot after a clean end is clean', async () =>
    assert.deepEqual(await boots(['a', true], ['b', true]), [false, false]));
  it('a boot without an end before is not', async () =>
    assert.deepEqual(await boots(['a', false], ['b', false], ['b', true], ['c', true]), [false, true, false, false]));
});

describe('small files', () => {
  it('are replaced as a whole', async () => {
    const file = createSmallFile(join(folder, 'deep', 'file'));
    assert.equal(await file.read(), undefined);
    await file.write('one');
    await file.write('two');
    assert.equal(await file.read(), 'two');
    assert.deepEqual(readdirSync(join(folder, 'deep')), ['file']);
    await file.remove();
    await file.remove();
    assert.equal(await file.read(), undefined);
  });
});

describe('why a container does not start', () => {
  const sentences: [string, string | undefined][] = [
    ['OCI runtime create failed: exec /bin/app: exec format error: unknown', 'exec-format'],
    ['error creating overlay mount to /var/lib/docker/overlay2/abc/merged: invalid argument', 'image-damaged'],
    ['unknown layer sha256:abc', 'image-damaged'],
    ['readlink /var/lib/docker/overlay2/l/XYZ: structure needs cleaning', 'image-damaged'],
    ['exec: "/no/such": stat /no/such: no such file or directory', undefined],
    ['driver failed programming external connectivity: port is already allocated', undefined],
  ];
  for (const [sentence, expected] of sentences) {
    it(sentence, () => assert.equal(classifyStartTrouble(sentence), expected));
  }
});

describe('CrashHints', () => {
  async function hints(pageSizeBytes: number, output: string): Promise<string[]> {
    const told: string[] = [];
    const runtime = new FakeRuntime({ clock: createVirtualClock(), node: 'n' });
    runtime.logs = async function* () {
      yield { stream: 'stderr', bytes: Buffer.from(output) };
    };
    const recorder = {
      event: (_: unknown, __: unknown, reason: string) => void told.push(reason),
      stop: async () => undefined,
    };
    const onNoProgram = async ({ name }: { name: string }) => void told.push(`${name} is no program`);
    const crash = new CrashHints({ runtime, recorder, pageSizeBytes: () => pageSizeBytes, onNoProgram });
    const observed = sortObserved({ sandboxes: [], containers: [ended('main', 1)] });
    await crash.look(observed);
    await crash.look(observed);
    return told;
  }
  const jemalloc = '<jemalloc>: Unsupported system page size\n';
  it('tell once of pages that a program was not built for', async () =>
    assert.deepEqual(await hints(16_384, jemalloc), ['UnsupportedPageSize']));
  it('say nothing on a board with common pages', async () => assert.deepEqual(await hints(4_096, jemalloc), []));
  it('tell of what started and was no program, once', async () =>
    assert.deepEqual(await hints(4_096, 'exec /bin/app: exec format error\n'), ['main is no program']));
  it('say nothing of other crashes', async () => assert.deepEqual(await hints(16_384, 'out of tea\n'), []));
});
