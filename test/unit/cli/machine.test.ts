/** Small decisions about this machine: durations, ports, mounts, pid files, folders, progress. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseCount, parseDuration, parsePort } from '../../../cli/options.ts';
import { createProgress } from '../../../cli/progress.ts';
import { readRunning, startInBackground, stopProgram } from '../../../cli/setup/processes.ts';
import { ClusterFolder } from '../../../cli/up/cluster-folder.ts';
import { ensurePortsFree } from '../../../cli/up/ports.ts';
import { parseMountPoints } from '../../../cli/up/stop-cluster.ts';
import { systemClock } from '../../../shared/platform/clock.ts';

describe('options', () => {
  for (const [text, ms] of [
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['0.5d', 43_200_000],
  ] as const) {
    test(text, () => assert.equal(parseDuration(text), ms));
  }
  for (const text of ['', '5', 'm', '1h x', '1w', '-1h']) {
    test(`no duration: "${text}"`, () => assert.throws(() => parseDuration(text)));
  }
  test('counts and ports', () => {
    assert.equal(parseCount('0'), 0);
    assert.equal(parsePort('65535'), 65_535);
    for (const text of ['', '-1', '1.5', 'x']) assert.throws(() => parseCount(text));
    for (const text of ['0', '65536']) assert.throws(() => parsePort(text));
  });
});

describe('this machine', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-machine-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('mount points, blanks in them too', () => {
    const text = '22 1 0:20 / /sys rw - sysfs sysfs rw\n99 1 0:44 / /data/a\\040b rw shared:1 - tmpfs tmpfs rw\n';
    assert.deepEqual(parseMountPoints(text), ['/sys', '/data/a b']);
  });

  test('a port in use names its option', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ports = { apiPort: port, mqttPort: port, statusPort: port, listen: '127.0.0.1' };
    await assert.rejects(ensurePortsFree(ports), { message: `port ${port} is in use`, hint: /--api-port/ });
    const others = { ...ports, apiPort: 0, mqttPort: 0, statusPort: 0 };
    await ensurePortsFree(others);
    await assert.rejects(ensurePortsFree({ ...others, mqttPlainPort: port }), { hint: /--mqtt-plain-port/ });
    server.close();
    await assert.rejects(ensurePortsFree({ ...ports, listen: '203.0.113.9' }), {
      message: /no address 203\.0\.113\.9/,
    });
  });

  test('a program in the background is found by its pid file and ended', async () => {
    const pidFile = join(folder, 'sleep.pid');
    const options = { program: 'sleep', args: ['60'], env: process.env, logFile: join(folder, 'log'), pidFile };
    const { pid } = await startInBackground(options);
    assert.equal((await readRunning(pidFile))?.pid, pid);
    await stopProgram(systemClock, { pidFile, graceMs: 5_000 });
    assert.equal(await readRunning(pidFile), undefined);
    // Twice is fine.
    await stopProgram(systemClock, { pidFile, graceMs: 5_000 });
  });

  test('a pid that belongs to somebody else by now is left alone', async () => {
    const pidFile = join(folder, 'old.pid');
    await writeFile(pidFile, JSON.stringify({ pid: process.pid, startTicks: '1' }));
    assert.equal(await readRunning(pidFile), undefined);
    await stopProgram(systemClock, { pidFile, graceMs: 1_000 });
    await writeFile(pidFile, 'damaged');
    assert.equal(await readRunning(pidFile), undefined);
  });

  test("a folder with somebody else's files is refused", async () => {
    const path = await mkdtemp(join(folder, 'other-'));
    await writeFile(join(path, 'letter.txt'), 'dear');
    await assert.rejects(new ClusterFolder(path).prepare(), { message: /not empty/, hint: /--data-dir/ });
    await assert.rejects(new ClusterFolder('/dev/null/x').prepare(), { message: /cannot be written/ });
  });

  test('names of nodes tell clusters apart', () => {
    assert.equal(new ClusterFolder('/var/lib/bramble').nodeName(1), 'node-1');
    const [one, two] = ['/a', '/b'].map((path) => new ClusterFolder(path).nodeName(2));
    assert.match(one ?? '', /^node-2-[0-9a-f]{4}$/);
    assert.notEqual(one, two);
  });

  test('progress without a terminal is plain lines', async () => {
    let text = '';
    const write = (part: string): void => {
      text += part;
    };
    const output = { isTerminal: false, columns: 80, write };
    const progress = createProgress(output, systemClock);
    const result = await progress.step('Working', async (note) => {
      note('half way');
      note('half way');
      return 7;
    });
    progress.info('done');
    assert.equal(result, 7);
    assert.equal(text, '- Working ...\n    half way\n- done\n');
  });
});
