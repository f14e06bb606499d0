/**
 * Says what a crash means where the board is the cause: programs that were built for pages of 4 KiB end at once on a board with
 * larger ones, and say so in their own words only; a program that is none says so in the log, once its container has started.
 */
import type { EventRecorder } from '../../../shared/client/event-recorder.ts';
import { type ContainerRecord, type ContainerRuntime, RuntimeError } from '../../container-runtime/runtime.ts';
import { classifyStartTrouble } from '../../container-runtime/start-trouble.ts';
import type { ObservedPod } from '../pod/observed-pod.ts';

export interface CrashHintsOptions {
  runtime: ContainerRuntime;
  recorder: EventRecorder;
  pageSizeBytes(): number;
  /** What the container started was no program for this board. */
  onNoProgram(record: ContainerRecord, log: string): Promise<void>;
}

const COMMON_PAGE_BYTES = 4096;

/** What jemalloc and tcmalloc print before they give up. */
const PAGE_SIZE_COMPLAINT =
  /unsupported system page size|unable to determine system page size|MADV_DONTNEED does not work/i;

/** The first runs tell; later ones would tell the same. */
const MAX_ATTEMPTS = 2;
const TAIL_LINES = 20;
const MAX_TAIL_BYTES = 4_096;

/** Runs that were looked at; beyond this they are forgotten, and at worst looked at again. */
const MAX_REMEMBERED = 256;

export class CrashHints {
  readonly #options: CrashHintsOptions;
  readonly #seen = new Set<string>();

  constructor(options: CrashHintsOptions) {
    this.#options = options;
  }

  /** Looks at runs that have failed since. Rejects with RuntimeError when the engine does not answer. */
  async look(observed: ObservedPod): Promise<void> {
    for (const record of observed.containers) {
      if (!isEarlyFailure(record) || this.#seen.has(record.id)) continue;
      if (this.#seen.size >= MAX_REMEMBERED) this.#seen.clear();
      this.#seen.add(record.id);
      const log = await this.#tail(record.id);
      if (this.#options.pageSizeBytes() > COMMON_PAGE_BYTES && PAGE_SIZE_COMPLAINT.test(log)) this.#tell(record);
      if (classifyStartTrouble(log) === 'exec-format') await this.#options.onNoProgram(record, log);
    }
  }

  #tell({ pod, name }: ContainerRecord): void {
    const metadata = { name: pod.name, namespace: pod.namespace, uid: pod.uid };
    const subject = { apiVersion: 'v1', kind: 'Pod', metadata, fieldPath: `spec.containers{${name}}` };
    const kibibytes = this.#options.pageSizeBytes() / 1024;
    const message = `The program was not built for this board's memory pages of ${kibibytes} KiB: use an image that is, or put kernel=kernel8.img into /boot/firmware/config.txt and reboot`;
    this.#options.recorder.event(subject, 'Warning', 'UnsupportedPageSize', message);
  }

  async #tail(id: string): Promise<string> {
    const { signal } = new AbortController();
    const options = { follow: false, timestamps: false, tailLines: TAIL_LINES, sinceMs: undefined, signal };
    const chunks: Uint8Array[] = [];
    try {
      for await (const { bytes } of this.#options.runtime.logs(id, options)) chunks.push(bytes);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.reason === 'unavailable') throw error;
    }
    return Buffer.concat(chunks).subarray(-MAX_TAIL_BYTES).toString('utf8');
  }
}

function isEarlyFailure({ exit, attempt }: ContainerRecord): boolean {
  return exit !== undefined && exit.code !== 0 && !exit.startFailed && attempt < MAX_ATTEMPTS;
}
