/** The Job controller: pods run until enough of them have succeeded, and each end is counted once. */
import { type Job, JobKind } from '../../../shared/api/job.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder } from '../../../shared/client/event-recorder.ts';
import { selectorFromLabelSelector } from '../../../shared/machinery/label-selector.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import type { Environment, Informers } from '../informers.ts';
import { LatestWrites } from '../latest-writes.ts';
import { OwnedPods } from '../owned-pods.ts';
import { Expectations } from '../replica-set/expectations.ts';
import { SyncedController } from '../synced-controller.ts';
import { EndTimes } from './end-times.ts';
import { createJobExecutors } from './executors.ts';
import { computeJobPlan, type JobState } from './plan.ts';
import { TRACKING_FINALIZER } from './pod-facts.ts';

const CONCURRENCY = 5;

/** A Job that names another controller in managedBy is that one's business. */
const OWN_NAME = 'kubernetes.io/job-controller';

export class JobController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #expectations: Expectations;
  readonly #endTimes: EndTimes;
  readonly #writes = new LatestWrites<Job>();
  readonly #ownedPods: OwnedPods<Job>;
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#expectations = new Expectations(environment.clock);
    this.#endTimes = new EndTimes(environment.clock);
    this.#events = createEventRecorder({ ...environment, component: 'job-controller' });
    this.#controller = new SyncedController({
      ...environment,
      name: 'job',
      concurrency: CONCURRENCY,
      informers: [informers.jobs, informers.pods],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.jobs.onChange((key, current, previous) => this.#onJob(key, current, previous));
    informers.pods.onChange((_key, current, previous) => {
      const isGone = previous !== undefined && previous.metadata.uid !== current?.metadata.uid;
      if (isGone) this.#endTimes.forget(previous.metadata.uid);
    });
    this.#ownedPods = new OwnedPods({
      client: environment.client,
      kind: JobKind,
      owners: informers.jobs,
      pods: informers.pods,
      selectorOf: ({ spec }) => spec.selector && selectorFromLabelSelector(spec.selector),
      finalizers: [TRACKING_FINALIZER],
      expectations: this.#expectations,
      enqueue: (key) => this.#controller.enqueue(key),
    });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onJob(key: string, current: Job | undefined, previous: Job | undefined): void {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) {
      this.#expectations.forget(previous.metadata.uid);
      this.#writes.forget(previous.metadata.uid);
    }
    this.#controller.enqueue(key);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const shown = this.#informers.jobs.get(key);
    if (shown === undefined || (shown.spec.managedBy ?? OWN_NAME) !== OWN_NAME) return {};
    const job = this.#writes.of(shown);
    const pods = await this.#ownedPods.claim(job);
    const waitMs = this.#expectations.remainingMs(job.metadata.uid);
    this.#endTimes.note(pods);
    const state: JobState = {
      job,
      pods,
      nowMs: this.#environment.clock.nowMs(),
      seenForMs: (pod) => this.#endTimes.seenForMs(pod),
      isUpToDate: waitMs === 0,
    };
    const { actions, requeueAfterMs } = computeJobPlan(state);
    const control = {
      client: this.#environment.client,
      events: this.#events,
      expectations: this.#expectations,
      writes: this.#writes,
    };
    await executeAll(createJobExecutors(control, job), actions);
    const waits = [waitMs, requeueAfterMs ?? 0].filter((delayMs) => delayMs > 0);
    return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
  }
}
