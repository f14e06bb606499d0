/** The real Context: this process's streams, environment and signals. The only file of the command line that reads them. */
import type { WriteStream } from 'node:tty';
import { systemClock } from '../shared/platform/clock.ts';
import { systemRandom } from '../shared/platform/random.ts';
import type { Context, Output } from './context.ts';
import { EXIT } from './failure.ts';

export function createProcessContext(root: string): Context {
  return {
    env: process.env,
    root,
    stdin: process.stdin,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    clock: systemClock,
    random: systemRandom,
    signal: abortOnSignals(),
    isRoot: process.getuid?.() === 0,
  };
}

/** The first signal asks the command to end in good order; the second one ends it. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      controller.abort(name);
    });
  }
  return controller.signal;
}

function outputOf(stream: WriteStream): Output {
  // `bramble get pods | head`: the reader has what it wanted.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
  return {
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
    write: (data) => {
      stream.write(data);
    },
    onResize: (listener) => {
      stream.on('resize', listener);
      return () => stream.off('resize', listener);
    },
  };
}
