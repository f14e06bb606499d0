/** The simulation's runtime under the contract. Virtual time goes on by itself here, as fast as it can. */

import type { ContainerPlan } from '../support/fake-runtime.ts';
import { FakeRuntime } from '../support/fake-runtime.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { describeRuntime, type Programs, type RuntimeFixture } from './runtime-contract.ts';

const programs: Programs = {
  image: 'fake:1',
  forever: ['forever'],
  print: (line, exitCode) => ['print', line, String(exitCode)],
  missing: ['missing'],
};

function planOf(command: readonly string[]): ContainerPlan {
  const [program, line = '', code = '0'] = command;
  if (program === 'print') return { output: [line], runForMs: 10, exitCode: Number(code) };
  return program === 'missing' ? { startError: 'no such file' } : {};
}

const MAX_TURNS = 1_000;

describeRuntime('fake', async (): Promise<RuntimeFixture> => {
  const clock = createVirtualClock();
  const runtime = new FakeRuntime({
    clock,
    node: 'here',
    planOf: (config) => planOf(config.command ?? []),
    execOf: (_config, [, line = '', code = '0']) => ({ output: `${line}\n`, exitCode: Number(code) }),
  });
  runtime.failPull('bramble-test/absent:1', 'absent');
  return {
    runtime,
    neighbour: undefined,
    programs,
    async until(check) {
      for (let turn = 0; turn < MAX_TURNS; turn += 1) {
        if (await check()) return;
        await clock.advance(10);
      }
      throw new Error('the condition never held');
    },
  };
});
