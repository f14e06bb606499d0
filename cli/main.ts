/** The bramble command: names the commands, loads the one that is meant, and turns its errors into sentences. */
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { addCommands } from './commands.ts';
import type { Context } from './context.ts';
import { EXIT, Failure, ProgramEnded } from './failure.ts';
import { createProcessContext } from './process-context.ts';

async function run(context: Context, args: readonly string[]): Promise<number> {
  const program = new Command('bramble')
    .description('A Kubernetes for Raspberry Pi fleets.')
    .showHelpAfterError('(bramble help COMMAND says more)')
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride();
  addCommands(program, context);
  try {
    await program.parseAsync(args, { from: 'user' });
    // What goes on until Ctrl-C, such as a watch, may end quietly.
    return context.signal.aborted ? EXIT.interrupted : EXIT.ok;
  } catch (error) {
    return report(context, error, args);
  }
}

async function report(context: Context, error: unknown, args: readonly string[]): Promise<number> {
  // Commander has printed its own message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ProgramEnded) return error.exitCode;
  const failure = error instanceof Failure ? error : await classify(error, context);
  if (failure === undefined) throw error;
  context.stderr.write(wantsJson(args) ? renderJson(failure) : renderText(failure));
  return failure.exitCode;
}

/** What stands behind `--` is another program's. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

function renderJson({ message, hint, exitCode }: Failure): string {
  return `${JSON.stringify({ error: message, ...(hint === undefined ? {} : { hint }), exitCode })}\n`;
}

function renderText({ message, hint }: Failure): string {
  return `bramble: ${message}\n${hint === undefined ? '' : `  → ${hint}\n`}`;
}

async function classify(error: unknown, context: Context): Promise<Failure | undefined> {
  const { toFailure } = await import('./api/session.ts');
  return toFailure(error, context.signal);
}

const context = createProcessContext(join(import.meta.dirname, '..'));
// No await at the top: the bundle is CommonJS, which has none.
run(context, process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
