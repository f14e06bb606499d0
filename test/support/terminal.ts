/** A program on a pseudo-terminal, made by util-linux' `script`, which every Debian has. */
import { spawn } from 'node:child_process';
import type { KubectlSession } from './kubectl.ts';

export function startTerminal(program: string, args: readonly string[], env: NodeJS.ProcessEnv): KubectlSession {
  const command = [program, ...args].map(quote).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...env, TERM: 'xterm' }, stdio: 'pipe' });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  return {
    text: () => text,
    write: (input) => {
      child.stdin.write(input);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
    ended: new Promise((resolve) => child.on('close', (code) => resolve(code ?? -1))),
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
