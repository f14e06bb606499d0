/** A hijacked Docker connection as the streams of a process. */
import type { Duplex } from 'node:stream';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { DockerClient } from './docker-client.ts';
import { demultiplex, plainOutput } from './docker-streams.ts';
import { type ContainerStream, type ExecOptions, type ExecSession, RuntimeError } from './runtime.ts';

/** The engine closes the output a moment before it notes the exit code. */
const EXIT_POLL_MS = 25;
const MAX_EXIT_POLLS = 200;

export async function openExec(
  docker: DockerClient,
  clock: Clock,
  id: string,
  options: ExecOptions,
): Promise<ExecSession> {
  const execId = await docker.createExec(id, {
    Cmd: options.command,
    AttachStdin: options.stdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: options.tty,
  });
  const socket = await docker.startExec(execId, options.tty);
  const stream = toStream(socket, options.tty, (size) => docker.resizeExec(execId, size));
  if (!options.stdin) stream.endInput();
  return { ...stream, exitCode: () => waitForExit(docker, clock, execId) };
}

export async function openAttach(
  docker: DockerClient,
  id: string,
  options: { stdin: boolean; tty: boolean; stdinOnce: boolean },
): Promise<ContainerStream> {
  const socket = await docker.attach(id, options.stdin);
  const stream = toStream(socket, options.tty, (size) => docker.resizeContainer(id, size));
  // Unless it hands the end on to the program, the engine takes it for the end of the whole attachment, output included.
  return options.stdinOnce && !options.tty ? stream : { ...stream, endInput: () => undefined };
}

function toStream(
  socket: Duplex,
  tty: boolean,
  resize: (size: { w: number; h: number }) => Promise<void>,
): ContainerStream {
  // A connection that breaks ends the output; nobody else needs to hear of it.
  socket.on('error', () => undefined);
  return {
    output: tty ? plainOutput(socket) : demultiplex(socket),
    write: (bytes) => writeAll(socket, bytes),
    endInput: () => socket.end(),
    resize: (columns, rows) => resize({ w: columns, h: rows }),
    close: () => socket.destroy(),
  };
}

/** Resolves when the kernel has taken the bytes. */
function writeAll(socket: Duplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) =>
      error ? reject(new RuntimeError('failed', 'the process does not read its input any more')) : resolve(),
    );
  });
}

async function waitForExit(docker: DockerClient, clock: Clock, execId: string): Promise<number> {
  for (let poll = 0; poll < MAX_EXIT_POLLS; poll += 1) {
    const code = await docker.execExitCode(execId);
    if (code !== undefined) return code;
    await sleep(clock, EXIT_POLL_MS);
  }
  throw new RuntimeError('failed', 'the process has closed its output and runs on');
}
