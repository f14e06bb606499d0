/** Programs of the machine for tests: writes down what was run, and answers as the test says; unless it does, all goes well. */
import type { Shell, ShellResult } from '../../shared/platform/shell.ts';

export interface ShellRecorder {
  shell: Shell;
  /** `nft -f -`, in the order of the runs. */
  runs: string[];
  /** What each run read. */
  inputs: (string | undefined)[];
}

export type ShellAnswer = (run: string, input: string | undefined) => Partial<ShellResult> | undefined;

export function createShellRecorder(answer: ShellAnswer = () => undefined): ShellRecorder {
  const runs: string[] = [];
  const inputs: (string | undefined)[] = [];
  const shell: Shell = {
    async run(program, args, input) {
      const run = [program, ...args].join(' ');
      runs.push(run);
      inputs.push(input);
      return { code: 0, stdout: '', stderr: '', ...answer(run, input) };
    },
  };
  return { shell, runs, inputs };
}
