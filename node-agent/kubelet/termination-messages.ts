/** What ended runs say of their end: the file that the container wrote, or the tail of its log where the pod allows. */
import type { Pod } from '../../shared/api/pod.ts';
import { type ContainerRecord, type ContainerRuntime, RuntimeError } from '../container-runtime/runtime.ts';
import { type PodPaths, terminationLogFile } from './paths.ts';
import type { ObservedPod } from './pod/observed-pod.ts';
import { findContainer } from './pod/pod-containers.ts';
import type { HostFiles } from './volumes/host-files.ts';

export interface TerminationMessagesOptions {
  files: HostFiles;
  paths: PodPaths;
  runtime: ContainerRuntime;
}

/** Kubernetes' bounds. */
const MAX_FILE_BYTES = 4_096;
const MAX_LOG_BYTES = 2_048;
const MAX_LOG_LINES = 80;

export class TerminationMessages {
  readonly #options: TerminationMessagesOptions;
  readonly #messages = new Map<string, { uid: string; text: string }>();

  constructor(options: TerminationMessagesOptions) {
    this.#options = options;
  }

  /** Empty when there is none, or `load` has not seen the run. */
  get(record: ContainerRecord): string {
    return this.#messages.get(record.id)?.text ?? '';
  }

  /** Reads the messages of runs that have ended since. */
  async load(pod: Pod, observed: ObservedPod): Promise<void> {
    for (const record of observed.containers) {
      if (record.state !== 'exited' || this.#messages.has(record.id)) continue;
      this.#messages.set(record.id, { uid: pod.metadata.uid, text: await this.#read(pod, record) });
    }
  }

  forget(uid: string): void {
    for (const [id, message] of [...this.#messages]) if (message.uid === uid) this.#messages.delete(id);
  }

  async #read(pod: Pod, record: ContainerRecord): Promise<string> {
    const { files, paths } = this.#options;
    const path = terminationLogFile(paths, pod.metadata.uid, record.name, record.attempt);
    const bytes = await files.readTail(path, MAX_FILE_BYTES);
    if (bytes !== undefined && bytes.length > 0) return Buffer.from(bytes).toString('utf8');
    const policy = findContainer(pod.spec, record.name)?.container.terminationMessagePolicy;
    const mayUseLog = policy === 'FallbackToLogsOnError' && record.exit?.code !== 0;
    return mayUseLog ? this.#readLog(record.id) : '';
  }

  async #readLog(id: string): Promise<string> {
    const { signal } = new AbortController();
    const options = { follow: false, timestamps: false, tailLines: MAX_LOG_LINES, sinceMs: undefined, signal };
    const chunks: Uint8Array[] = [];
    try {
      for await (const { bytes } of this.#options.runtime.logs(id, options)) chunks.push(bytes);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
    }
    return Buffer.concat(chunks).subarray(-MAX_LOG_BYTES).toString('utf8');
  }
}
