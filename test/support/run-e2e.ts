/**
 * `npm run e2e -- NAME…`: end-to-end tests by name, on a machine set up as for npm test: the long ones of test/e2e-long, which
 * npm test leaves out, and single files of test/e2e. Without a name it lists them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';
import { basename } from 'node:path';
import { createProcessContext } from '../../cli/process-context.ts';
import { createProgress } from '../../cli/progress.ts';
import { releaseEngine } from '../../cli/setup/docker-engine.ts';
import { currentProcess } from '../../cli/setup/processes.ts';
import { ROOT } from './kubectl.ts';
import { prepareMachine, testEnvironment } from './test-machine.ts';

const FOLDERS = ['test/e2e-long', 'test/e2e'];
const SUFFIX = '.test.ts';

const context = createProcessContext(ROOT);
const names = process.argv.slice(2);
const known = new Map<string, string>();
for (const folder of FOLDERS) {
  for await (const file of glob(`${folder}/**/*${SUFFIX}`, { cwd: ROOT })) known.set(basename(file, SUFFIX), file);
}

async function runFiles(files: readonly string[]): Promise<number> {
  const user = { name: `npm run e2e ${process.pid}`, process: await currentProcess() };
  try {
    await prepareMachine(context, createProgress(context.stderr, context.clock), user);
    const args = ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files];
    const options = { cwd: ROOT, env: testEnvironment(context.env), stdio: 'inherit' } as const;
    const child = spawn(process.execPath, args, options);
    context.signal.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
    const [code] = await once(child, 'close');
    return Number(code ?? 1);
  } finally {
    await releaseEngine(context, user);
  }
}

const unknown = names.filter((name) => !known.has(name));
if (names.length === 0 || unknown.length > 0) {
  const why = unknown.length > 0 ? `there is no test ${unknown.join(', ')}; ` : '';
  context.stderr.write(`${why}usage: npm run e2e -- NAME…, of\n  ${[...known.keys()].sort().join('\n  ')}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await runFiles(names.flatMap((name) => known.get(name) ?? []));
}
