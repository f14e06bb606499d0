/** The table in the kernel: what nft is told, when, and what becomes of it when the kernel refuses or somebody else clears it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KernelTable } from '../../../../node-agent/proxy/kernel/kernel-table.ts';
import type { Fragment } from '../../../../node-agent/proxy/ruleset/ruleset.ts';
import { defined } from '../../../../shared/platform/assert.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { NftKernel } from '../../../support/nft/kernel.ts';
import { SKELETON, TABLE } from '../../../support/rulesets/ruleset-case.ts';
import { SERVICE_CASES } from '../../../support/rulesets/service-cases.ts';
import { createShellRecorder } from '../../../support/shell-recorder.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

function fragmentOf(name: string): Fragment {
  const found = SERVICE_CASES.find((each) => each.name === name);
  return defined([...(found?.fragments.values() ?? [])][0], name);
}

const WEB = fragmentOf('cluster-ip');
const OTHER = fragmentOf('sctp');
const CHAIN = 'svc-default/web/tcp80';

/** nft in front of the tests' kernel. */
async function start() {
  const clock = createVirtualClock();
  const kernel = new NftKernel();
  const problems: (string | undefined)[] = [];
  const world = { refuses: false, whileWorking: (): void => undefined };
  const { shell, inputs } = createShellRecorder((run, input = '') => {
    if (run === 'nft list tables inet')
      return { stdout: [...kernel.tables.keys()].map((name) => `table inet ${name}`).join('\n') };
    world.whileWorking();
    if (world.refuses) return { code: 1, stderr: '/dev/stdin:3:1-9: Error: No buffer space available\nadd table' };
    kernel.apply(input);
    return undefined;
  });
  const table = new KernelTable({
    ...{ skeleton: SKELETON, shell, clock, random: seededRandom(1), logger: silentLogger },
    onProblem: (problem) => problems.push(problem),
  });
  await table.start();
  const loads = (): string[] => inputs.flatMap((input) => input ?? []);
  const hasChain = (): boolean => kernel.tables.get(TABLE)?.chains.has(CHAIN) ?? false;
  return { table, clock, kernel, problems, world, loads, hasChain };
}

describe('the table in the kernel', () => {
  it('of the last life stays until all is known', async () => {
    const { table, clock, loads, hasChain } = await start();
    table.put('service web', WEB);
    await clock.settle();
    assert.deepEqual(loads(), []);
    table.begin();
    await clock.settle();
    assert.equal(loads().length, 1);
    assert.ok(loads()[0]?.startsWith(`add table inet ${TABLE}\ndelete table inet ${TABLE}\n`));
    assert.ok(hasChain());
    await table.stop();
  });

  it('later only what changed is told; what changed back meanwhile is not', async () => {
    const { table, clock, loads, hasChain } = await start();
    table.put('service web', WEB);
    table.begin();
    await clock.settle();
    table.put('service radio', OTHER);
    await clock.settle();
    assert.equal(loads().length, 2);
    assert.ok(!loads()[1]?.includes('web'), loads()[1]);
    table.put('service web', undefined);
    table.put('service web', WEB);
    await clock.settle();
    assert.equal(loads().length, 2);
    assert.ok(hasChain());
    await table.stop();
  });

  it('a transaction that the kernel refuses is followed by the whole table, once it takes it', async () => {
    const { table, clock, loads, hasChain, problems, world } = await start();
    table.begin();
    await clock.settle();
    world.refuses = true;
    table.put('service web', WEB);
    await clock.advance(1_000);
    assert.ok(!hasChain());
    assert.match(problems.at(-1) ?? '', /No buffer space available$/);
    world.refuses = false;
    await clock.advance(60_000);
    assert.ok(hasChain());
    assert.ok(loads().at(-1)?.startsWith(`add table inet ${TABLE}\ndelete table`));
    assert.equal(problems.at(-1), undefined);
    await table.stop();
  });

  it('somebody flushed all rules of the machine: within a minute they are there again', async () => {
    const { table, clock, kernel, hasChain } = await start();
    table.put('service web', WEB);
    table.begin();
    await clock.settle();
    kernel.tables.clear();
    await clock.advance(61_000);
    assert.ok(hasChain());
    await table.stop();
  });

  it('another agent may have written it: it is written anew', async () => {
    const { table, clock, loads } = await start();
    table.begin();
    await clock.settle();
    table.reload();
    await clock.settle();
    assert.equal(loads().length, 2);
    assert.equal(loads()[0], loads()[1]);
    await table.stop();
  });

  it('what is to follow a change follows when the kernel has it, not before', async () => {
    const { table, clock, hasChain, world } = await start();
    table.begin();
    await clock.settle();
    const followed: boolean[] = [];
    world.whileWorking = () => {
      // While nft works on something else: this change is not in the kernel when that is done.
      world.whileWorking = () => undefined;
      table.put('service web', WEB, () => followed.push(hasChain()));
    };
    table.put('service radio', OTHER);
    await clock.settle();
    assert.deepEqual(followed, [true]);
    world.refuses = true;
    table.put('service web', undefined, () => followed.push(hasChain()));
    await clock.advance(1_000);
    assert.equal(followed.length, 1, 'the kernel refuses as yet');
    world.refuses = false;
    await clock.advance(60_000);
    assert.deepEqual(followed, [true, false]);
    await table.stop();
  });
});
