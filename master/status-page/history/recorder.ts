/**
 * Remembers the boards while the master runs, whether somebody looks or not: their state when it changes, a reading each
 * half minute. Its two informers also serve the page.
 */
import { type Node, NodeKind } from '../../../shared/api/node.ts';
import { type NodeSensors, NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import type { Client } from '../../../shared/client/client.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { quantityToBytes, quantityToMillis } from '../../../shared/machinery/quantity.ts';
import { type Clock, parseTime, type Timer } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { History } from './history.ts';
import { type Sample, SLOT_MS } from './ring.ts';

export interface RecorderOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  history: History;
  /** Something is new of that board. */
  onBoard(name: string): void;
}

/** A reading that is older says nothing of now. */
const MAX_READING_AGE_MS = 180_000;

export class Recorder implements Component {
  readonly #options: RecorderOptions;
  readonly nodes: Informer<Node>;
  readonly sensors: Informer<NodeSensors>;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.nodes = new Informer({ ...options, kind: NodeKind });
    this.sensors = new Informer({ ...options, kind: NodeSensorsKind });
    this.nodes.onChange((name, node) => {
      if (node === undefined) options.history.forget(name);
      else this.#noteState(node);
      options.onBoard(name);
    });
    this.sensors.onChange((name) => options.onBoard(name));
  }

  async start(): Promise<void> {
    await startAll([this.nodes, this.sensors]);
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await stopAll([this.nodes, this.sensors]);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(SLOT_MS, () => {
      this.#record();
      this.#schedule();
    });
  }

  #record(): void {
    const { clock, history, onBoard } = this.#options;
    const nowMs = clock.nowMs();
    for (const node of this.nodes.list()) {
      this.#noteState(node);
      const sensors = this.sensors.get(node.metadata.name);
      if (sensors !== undefined && isFresh(node, sensors, nowMs)) {
        history.addSample(node.metadata.name, nowMs, computeSample(node, sensors));
      }
      onBoard(node.metadata.name);
    }
  }

  #noteState({ metadata, status }: Node): void {
    const nowMs = this.#options.clock.nowMs();
    const ready = getCondition(status.conditions, 'Ready');
    if (ready === undefined) return;
    const sinceMs = parseTime(ready.lastTransitionTime) ?? nowMs;
    this.#options.history.setState(metadata.name, nowMs, { isUp: ready.status === 'True', sinceMs });
  }
}

/** Boards may have another idea of the time: one that is ready and has none is believed. */
function isFresh({ status }: Node, { timestamp }: NodeSensors, nowMs: number): boolean {
  if (getCondition(status.conditions, 'Ready')?.status !== 'True') return false;
  const readMs = parseTime(timestamp);
  return readMs === undefined || nowMs - readMs < MAX_READING_AGE_MS || readMs < FIRST_BELIEVABLE_MS;
}

/** Boards without a clock boot in 1970. */
const FIRST_BELIEVABLE_MS = Date.UTC(2024, 0, 1);

function computeSample({ status }: Node, sensors: NodeSensors): Sample & { diskWrittenBytes?: number } {
  const { usage, diskTotalBytes, diskAvailableBytes } = sensors;
  const capacity = status.capacity ?? {};
  return {
    celsius: sensors.temperatureCelsius,
    cpuPercent: percent(usage?.['cpu'], capacity['cpu'], quantityToMillis),
    memoryPercent: percent(usage?.['memory'], capacity['memory'], quantityToBytes),
    diskPercent:
      diskTotalBytes && diskAvailableBytes !== undefined ? (1 - diskAvailableBytes / diskTotalBytes) * 100 : undefined,
    diskWrittenBytes: sensors.diskWrittenBytes,
  };
}

function percent(
  used: string | undefined,
  all: string | undefined,
  read: (text: string) => number,
): number | undefined {
  if (used === undefined || all === undefined || read(all) <= 0) return undefined;
  return (read(used) / read(all)) * 100;
}
