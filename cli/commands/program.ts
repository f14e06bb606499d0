/** `bramble master` and `bramble agent`: this process becomes the program, so that no second Node stays in memory. */
import { defined } from '../../shared/platform/assert.ts';
import type { Context } from '../context.ts';
import { bundlePath, ensureBundles, PROGRAM_FLAGS, type Program, programEnv } from '../setup/bundles.ts';

export async function runAsProgram(context: Context, name: Program, args: readonly string[]): Promise<never> {
  await ensureBundles(context, [name]);
  const execve = defined(process.execve, 'execve of this platform');
  const argv = [process.execPath, ...PROGRAM_FLAGS[name], bundlePath(context, name), ...args];
  return execve(process.execPath, argv, { ...context.env, ...programEnv(name) });
}
