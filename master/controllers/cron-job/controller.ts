/** The CronJob controller: makes a Job for each slot of a schedule, once. */
import { type CronJob, CronJobKind } from '../../../shared/api/cron-job.ts';
import type { Job } from '../../../shared/api/job.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder } from '../../../shared/client/event-recorder.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import { BY_CONTROLLER, type Environment, type Informers } from '../informers.ts';
import { LatestWrites } from '../latest-writes.ts';
import { SyncedController } from '../synced-controller.ts';
import { createCronJobExecutors } from './executors.ts';
import { type CronJobState, computeCronJobPlan } from './plan.ts';

const CONCURRENCY = 2;

export class CronJobController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #writes = new LatestWrites<CronJob>();
  readonly #started = new Map<string, number>();
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#events = createEventRecorder({ ...environment, component: 'cronjob-controller' });
    this.#controller = new SyncedController({
      ...environment,
      name: 'cron-job',
      concurrency: CONCURRENCY,
      informers: [informers.cronJobs, informers.jobs],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.cronJobs.onChange((key, current, previous) => this.#onCronJob(key, current, previous));
    informers.jobs.onChange((_key, current, previous) => this.#onJob(current ?? previous));
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onCronJob(key: string, current: CronJob | undefined, previous: CronJob | undefined): void {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) {
      this.#writes.forget(previous.metadata.uid);
      this.#started.delete(previous.metadata.uid);
    }
    this.#controller.enqueue(key);
  }

  #onJob(job: Job | undefined): void {
    const owner = job && controllerOf(job);
    if (owner?.kind === CronJobKind.kind) this.#controller.enqueue(`${job?.metadata.namespace}/${owner.name}`);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const shown = this.#informers.cronJobs.get(key);
    if (shown === undefined) return {};
    const cronJob = this.#writes.of(shown);
    const { uid } = cronJob.metadata;
    const state: CronJobState = {
      cronJob,
      jobs: this.#informers.jobs.byIndex(BY_CONTROLLER, uid),
      nowMs: this.#environment.clock.nowMs(),
      startedMs: this.#started.get(uid),
    };
    const { actions, requeueAfterMs } = computeCronJobPlan(state);
    const { client } = this.#environment;
    const control = { client, events: this.#events, writes: this.#writes, started: this.#started };
    await executeAll(createCronJobExecutors(control, cronJob), actions);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }
}
