/** The last test: every command that bramble knows was seen with its help, its success and a failure, here or where it says. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../support/kubectl.ts';
import { type CommandWorld, listCommands, type Outcome, sideBySide } from './world.ts';

/** What needs more than one cluster that runs: a card, a board of its own. File and title of the test. */
const ELSEWHERE: Readonly<Record<string, Partial<Record<Outcome, readonly [file: string, title: string]>>>> = {
  up: {
    success: ['test/e2e/bramble.test.ts', 'up --detach: a cluster with an example'],
    failure: ['test/e2e/bramble.test.ts', 'up with other ports: refused while it runs'],
  },
  down: { success: ['test/e2e/bramble.test.ts', 'down leaves nothing behind, twice'] },
  flash: {
    success: ['test/e2e/flash.test.ts', 'a batch counts names up'],
    failure: ['test/e2e/flash.test.ts', 'what cannot be right is refused with a sentence'],
  },
  'mqtt user list': { success: ['test/e2e/mqtt-contract.test.ts', 'users: added, listed, given another password'] },
  'mqtt user passwd': { success: ['test/e2e/mqtt-contract.test.ts', 'users: added, listed, given another password'] },
  'mqtt bridge add': { success: ['test/e2e/mqtt-contract.test.ts', 'a bridge to mosquitto: in, out'] },
  'mqtt bridge list': { success: ['test/e2e/mqtt-contract.test.ts', 'a bridge to mosquitto: in, out'] },
  'mqtt bridge remove': { success: ['test/e2e/mqtt-contract.test.ts', 'a bridge to mosquitto: in, out'] },
  'node update': {
    success: [
      'test/e2e-long/node-update.test.ts',
      'two boards get a version, one after the other, and their pods run on',
    ],
  },
};

/** Their output is another program's, or a script. */
const WITHOUT_JSON = ['master', 'agent', 'exec', 'completion'];

const OUTCOMES: readonly Outcome[] = ['help', 'success', 'failure'];

export function testEveryCommand(world: CommandWorld): void {
  const commands = listCommands(world.program);

  test('every command has a help text that names its arguments and options', async () => {
    await sideBySide(commands, async ({ path, command }) => {
      const { code, output } = await world.run(...path.split(' '), '--help');
      assert.equal(code, 0, output);
      assert.ok(output.startsWith(`Usage: bramble ${path}`), output);
      for (const inner of command.commands) assert.ok(output.includes(`  ${inner.name()} `), `${path} ${inner.name()}`);
      for (const { long } of command.options) assert.ok(output.includes(long ?? ''), `${path} ${long}`);
    });
    await world.refuses(64, /unknown command 'gte'.*\(Did you mean get\?\)/s, 'gte');
    await world.refuses(64, /unknown option '--nmespace'.*Did you mean --namespace/s, 'get', 'pods', '--nmespace', 'x');
  });

  test('every command prints JSON for programs', () => {
    const without = commands.filter(
      ({ isGroup, command }) => !isGroup && !command.options.some(({ long }) => long === '--json'),
    );
    assert.deepEqual(without.map(({ path }) => path).sort(), [...WITHOUT_JSON].sort());
  });

  test('of every command its help, its success and a failure were seen', async () => {
    const missing: string[] = [];
    for (const { path, isGroup } of commands) {
      for (const outcome of isGroup ? (['help'] as const) : OUTCOMES) {
        const other = ELSEWHERE[path]?.[outcome];
        if (other !== undefined) await findTest(other);
        else if (!world.hasSeen(path, outcome)) missing.push(`${path}: ${outcome}`);
      }
    }
    assert.deepEqual(missing, [], 'a new command needs an end-to-end test with a success and a failure');
    const known = commands.map(({ path }) => path);
    assert.deepEqual(
      Object.keys(ELSEWHERE).filter((path) => !known.includes(path)),
      [],
      'there is no such command any more',
    );
  });
}

async function findTest([file, title]: readonly [file: string, title: string]): Promise<void> {
  const text = await readFile(join(ROOT, file), 'utf8');
  assert.ok(text.includes(`('${title}`), `${file} has no test "${title}"`);
}
