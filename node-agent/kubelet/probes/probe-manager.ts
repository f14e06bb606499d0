/**
 * Probes of the running containers, each at its own pace. Verdicts are in memory; after a restart of the agent they begin
 * with what the API shows, so that nothing flaps that did not change.
 */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Probe } from '../../../shared/api/probe.ts';
import type { Timer } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { ContainerRecord } from '../../container-runtime/runtime.ts';
import { latestRun, type ObservedPod, readySandbox } from '../pod/observed-pod.ts';
import { findContainer, isSidecar, shownStatus } from '../pod/pod-containers.ts';
import type { ProbeVerdicts } from '../pod/pod-view.ts';
import { containerId } from '../status/container-status.ts';
import { type ProbeTools, runProbe } from './probe-action.ts';
import { countAnswer, initialTally, type ProbeTally } from './probe-tally.ts';

export interface ProbeManagerOptions extends ProbeTools {
  logger: Logger;
  hostIp(): string;
  /** What is done after a container's start is not over: nobody asks it yet. */
  isStarting(containerId: string): boolean;
  /** A verdict has changed. */
  onVerdict(uid: string): void;
  /** A probe failed; the message is for the user. */
  onFailure(pod: Pod, container: string, message: string): void;
}

type ProbeKind = 'startup' | 'liveness' | 'readiness';

const KINDS: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

interface Worker {
  uid: string;
  record: ContainerRecord;
  kind: ProbeKind;
  probe: Probe;
  tally: ProbeTally;
  timer: Timer | undefined;
}

export class ProbeManager implements ProbeVerdicts {
  readonly #options: ProbeManagerOptions;
  /** By container id and kind. */
  readonly #workers = new Map<string, Worker>();
  /** What probes need to know of a pod, as of its latest look. */
  readonly #pods = new Map<string, { pod: Pod; podIp: string }>();

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
  }

  isStarted(record: ContainerRecord): boolean {
    const startup = this.#workers.get(keyOf(record.id, 'startup'));
    return startup === undefined || startup.tally.verdict === 'success';
  }

  isReady(record: ContainerRecord): boolean {
    const readiness = this.#workers.get(keyOf(record.id, 'readiness'));
    return readiness === undefined || readiness.tally.verdict === 'success';
  }

  failure(record: ContainerRecord): { message: string; graceSeconds: number | undefined } | undefined {
    for (const kind of ['liveness', 'startup'] as const) {
      const worker = this.#workers.get(keyOf(record.id, kind));
      if (worker?.tally.verdict !== 'failure') continue;
      const message = `Container ${record.name} failed ${kind} probe, will be restarted`;
      return { message, graceSeconds: worker.probe.terminationGracePeriodSeconds };
    }
    return undefined;
  }

  /** Begins and ends probes, so that exactly the pod's running containers are asked. */
  sync(pod: Pod, observed: ObservedPod): void {
    const { uid } = pod.metadata;
    const podIp = pod.spec.hostNetwork ? this.#options.hostIp() : (readySandbox(observed)?.ip ?? '');
    this.#pods.set(uid, { pod, podIp });
    const wanted = new Set<string>();
    for (const container of [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers]) {
      const record = latestRun(observed, container.name);
      if (record?.state !== 'running' || this.#options.isStarting(record.id)) continue;
      for (const kind of KINDS) if (this.#ensure(pod, container, record, kind)) wanted.add(keyOf(record.id, kind));
    }
    for (const [key, worker] of [...this.#workers]) {
      if (worker.uid === uid && !wanted.has(key)) this.#end(key, worker);
    }
  }

  forget(uid: string): void {
    for (const [key, worker] of [...this.#workers]) if (worker.uid === uid) this.#end(key, worker);
    this.#pods.delete(uid);
  }

  stop(): void {
    for (const [key, worker] of [...this.#workers]) this.#end(key, worker);
  }

  /** Whether the container has this probe, and it is to be asked. */
  #ensure(pod: Pod, container: Container, record: ContainerRecord, kind: ProbeKind): boolean {
    const probe = container[`${kind}Probe`];
    // Whatever a dying container answers, it is not restarted.
    const isEnding = pod.metadata.deletionTimestamp !== undefined && kind !== 'readiness';
    if (probe === undefined || isEnding) return false;
    const key = keyOf(record.id, kind);
    if (this.#workers.has(key)) return true;
    const tally = remembered(pod, record, kind) ?? initialTally(kind);
    const worker: Worker = { uid: pod.metadata.uid, record, kind, probe, tally, timer: undefined };
    this.#workers.set(key, worker);
    const sinceStartMs = this.#options.clock.nowMs() - (record.startedAtMs ?? 0);
    const initialDelayMs = (probe.initialDelaySeconds ?? 0) * 1000;
    this.#schedule(worker, Math.min(initialDelayMs, Math.max(0, initialDelayMs - sinceStartMs)));
    return true;
  }

  #end(key: string, worker: Worker): void {
    worker.timer?.cancel();
    this.#workers.delete(key);
  }

  #isCurrent(worker: Worker): boolean {
    return this.#workers.get(keyOf(worker.record.id, worker.kind)) === worker;
  }

  #schedule(worker: Worker, delayMs: number): void {
    worker.timer = this.#options.clock.after(delayMs, () => {
      void this.#ask(worker).finally(() => {
        // A startup probe that has succeeded is not asked again.
        const isOver = worker.kind === 'startup' && worker.tally.verdict === 'success';
        if (this.#isCurrent(worker) && !isOver) this.#schedule(worker, (worker.probe.periodSeconds ?? 10) * 1000);
      });
    });
  }

  async #ask(worker: Worker): Promise<void> {
    const known = this.#pods.get(worker.uid);
    const { record, kind, probe } = worker;
    if (known === undefined || (kind !== 'startup' && !this.isStarted(record))) return;
    const { pod, podIp } = known;
    const container = findContainer(pod.spec, record.name)?.container;
    if (container === undefined) return;
    try {
      const answer = await runProbe(this.#options, probe, { container, containerId: record.id, podIp });
      if (!this.#isCurrent(worker)) return;
      if (!answer.ok) this.#options.onFailure(pod, record.name, `${capitalize(kind)} probe failed: ${answer.message}`);
      this.#count(worker, answer.ok);
    } catch (error) {
      // The engine is away: the container may be as well as it was.
      this.#options.logger.debug('a probe could not be carried out', { container: record.name, kind, error });
    }
  }

  #count(worker: Worker, ok: boolean): void {
    const before = worker.tally.verdict;
    worker.tally = countAnswer(worker.tally, ok, worker.probe);
    if (worker.tally.verdict !== before) this.#options.onVerdict(worker.uid);
  }
}

function keyOf(id: string, kind: ProbeKind): string {
  return `${id}/${kind}`;
}

function capitalize(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

/** What the API shows of this very run; undefined: nothing yet. */
function remembered({ status }: Pod, record: ContainerRecord, kind: ProbeKind): ProbeTally | undefined {
  const known = shownStatus({ status }, record.name);
  const shown = known?.containerID === containerId(record) ? known : undefined;
  const isWell = (kind === 'readiness' && shown?.ready) || (kind === 'startup' && shown?.started);
  return isWell ? { verdict: 'success', latest: undefined, inARow: 0 } : undefined;
}
