/**
 * Tells the master how the board is: reads often, writes NodeSensors only when something changed enough or long ago. What
 * cannot be written is not queued: the next reading is the better one.
 */
import { NodeSensorsRef } from '../../shared/api/kind-refs.ts';
import type { NodeSensors } from '../../shared/api/node-sensors.ts';
import type { Client } from '../../shared/client/client.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { formatBytes, formatMillis } from '../../shared/machinery/quantity.ts';
import { type Clock, formatTime, sleep } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { isWorthTelling, type PodUsage, type Reading } from './dead-band.ts';
import type { Inventory, Sample, Sensors } from './sensors.ts';

export interface SensorReporterOptions {
  node: string;
  client: Client;
  sensors: Sensors;
  /** What the pods use now; empty while the engine is away. */
  podUsage(): Promise<PodUsage[]>;
  /** Hears of each reading, told or not. */
  onSample(sample: Sample): void;
  clock: Clock;
  logger: Logger;
}

const SAMPLE_INTERVAL_MS = 5_000;

/** Pods are measured at each of so many samples: many more files than the board has, and less urgent than its heat. */
const SAMPLES_PER_POD_USAGE = 3;

/** A reading is told this often in any case, so that readers can tell an old one from a steady one. */
const MAX_SILENCE_MS = 60_000;

export class SensorReporter implements Component {
  readonly #options: SensorReporterOptions;
  readonly #abort = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  /** A report under way: a master or an engine that does not answer must not keep the sensors from being read. */
  #report: Promise<void> | undefined;
  #inventory: Inventory | undefined;
  #last: Sample | undefined;
  #reports = 0;
  #pods: PodUsage[] = [];
  #told: { reading: Reading; atMs: number } | undefined;

  constructor(options: SensorReporterOptions) {
    this.#options = options;
  }

  /** The latest reading; undefined before the first. */
  get last(): Sample | undefined {
    return this.#last;
  }

  async start(): Promise<void> {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
    await this.#report;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await this.#quietly(() => this.#read());
      await sleep(clock, SAMPLE_INTERVAL_MS, signal).catch(() => undefined);
    }
  }

  async #read(): Promise<void> {
    const { sensors, onSample } = this.#options;
    this.#inventory ??= await sensors.inventory();
    const { sample, inventory } = { sample: await sensors.sample(), inventory: this.#inventory };
    this.#last = sample;
    onSample(sample);
    if (this.#report !== undefined) return;
    this.#report = this.#quietly(() => this.#tellIfDue(sample, inventory)).finally(() => {
      this.#report = undefined;
    });
  }

  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.logger.debug('the sensors could not be told', { error });
    }
  }

  async #tellIfDue(sample: Sample, inventory: Inventory): Promise<void> {
    const { podUsage, clock } = this.#options;
    if (this.#reports % SAMPLES_PER_POD_USAGE === 0) this.#pods = await podUsage();
    this.#reports += 1;
    const reading = { sample, pods: this.#pods };
    const nowMs = clock.monotonicMs();
    if (!this.#isDue(reading, inventory, nowMs)) return;
    await this.#tell(renderNodeSensors(reading, inventory));
    this.#told = { reading, atMs: nowMs };
  }

  #isDue(reading: Reading, inventory: Inventory, nowMs: number): boolean {
    if (this.#told === undefined || nowMs - this.#told.atMs >= MAX_SILENCE_MS) return true;
    return isWorthTelling(this.#told.reading, reading, inventory);
  }

  async #tell(body: Record<string, unknown>): Promise<void> {
    const { client, node } = this.#options;
    try {
      await client.patch(NodeSensorsRef, { name: node }, { type: 'merge', body });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      const present = Object.entries(body).filter(([, value]) => value !== null);
      await client.create(NodeSensorsRef, { ...Object.fromEntries(present), metadata: { name: node } });
    }
  }
}

/** As a merge patch: null where the board has no such sensor. */
function renderNodeSensors({ sample, pods }: Reading, inventory: Inventory): Record<string, unknown> {
  const used = Math.max(0, sample.memoryTotalBytes - sample.memoryAvailableBytes);
  const body: { [Key in keyof Omit<NodeSensors, 'apiVersion' | 'kind' | 'metadata'>]: NodeSensors[Key] | null } = {
    timestamp: formatTime(sample.atMs),
    usage: { cpu: formatMillis(sample.cpuMillis), memory: formatBytes(used) },
    memoryAvailableBytes: sample.memoryAvailableBytes,
    loadAverage1: sample.loadAverage1,
    temperatureCelsius: sample.temperatureCelsius ?? null,
    throttleCelsius: sample.temperatureCelsius === undefined ? null : inventory.throttleCelsius,
    throttled: sample.throttled ?? null,
    underVoltage: sample.underVoltage ?? null,
    diskTotalBytes: sample.diskTotalBytes,
    diskAvailableBytes: sample.diskAvailableBytes,
    diskWrittenBytes: sample.diskWrittenBytes ?? null,
    networkReceivedBytes: sample.network?.receivedBytes ?? null,
    networkSentBytes: sample.network?.sentBytes ?? null,
    wifiSignalDbm: sample.wifi?.signalDbm ?? null,
    wifiQualityPercent: sample.wifi?.qualityPercent ?? null,
    processes: sample.processes?.count ?? null,
    pods: pods.map(({ namespace, name, uid, containers }) => ({
      namespace,
      name,
      uid,
      containers: containers.map((use) => ({
        name: use.name,
        usage: renderUsage(use),
      })),
    })),
  };
  return body;
}

/** A board without a memory cgroup measures 0: nobody may take that for a container without memory. */
function renderUsage({ cpuMillis, memoryBytes }: PodUsage['containers'][number]): Record<string, string> {
  return { cpu: formatMillis(cpuMillis), ...(memoryBytes > 0 ? { memory: formatBytes(memoryBytes) } : {}) };
}
