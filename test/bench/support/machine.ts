/** The machine in one line, because a figure without its machine says nothing. */
import { arch, cpus, release, totalmem, type } from 'node:os';

export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() || 'unknown CPU';
  const memoryGb = (totalmem() / 2 ** 30).toFixed(1);
  return `${processors.length} x ${model}, ${memoryGb} GB, ${type()} ${release()} ${arch()}, Node ${process.versions.node}`;
}
