/** Counts pods as a client of Kubernetes does: by a watch, begun anew whenever it ends. */
import { createInterface } from 'node:readline';
import { sleep, systemClock } from '../../../shared/platform/clock.ts';
import type { LanApi } from './lan-api.ts';

export interface PodQuery {
  service: string;
  /** Of this template only. */
  round?: string;
  /** Ready, and not on its way out. */
  isRunning?: boolean;
  /** Not on this node. */
  except?: string;
}

interface PodView {
  metadata: { uid: string; labels?: Record<string, string>; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { conditions?: { type: string; status: string }[] };
}

const RETRY_MS = 50;
const PATH =
  '/api/v1/namespaces/default/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';

export class PodCounter {
  readonly #api: LanApi;
  readonly #abort = new AbortController();
  #pods = new Map<string, PodView>();

  constructor(api: LanApi) {
    this.#api = api;
  }

  start(): void {
    void this.#follow();
  }

  stop(): void {
    this.#abort.abort();
  }

  count({ service, round, isRunning = false, except }: PodQuery): number {
    return [...this.#pods.values()].filter(({ metadata: { labels, deletionTimestamp }, spec, status }) => {
      const isReady = status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
      const isWanted = labels?.['service'] === service && (round === undefined || labels['round'] === round);
      const isHere = except === undefined || spec.nodeName !== except;
      return isWanted && isHere && (!isRunning || (isReady && deletionTimestamp === undefined));
    }).length;
  }

  async #follow(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      await this.#watch().catch(() => undefined);
      await sleep(systemClock, RETRY_MS);
    }
  }

  async #watch(): Promise<void> {
    const response = await this.#api.stream(PATH);
    const pods = new Map<string, PodView>();
    let isComplete = false;
    for await (const line of createInterface({ input: response, signal: this.#abort.signal })) {
      const { type, object } = JSON.parse(line) as { type: string; object: PodView };
      if (type === 'DELETED') pods.delete(object.metadata.uid);
      else if (type === 'ADDED' || type === 'MODIFIED') pods.set(object.metadata.uid, object);
      else if (type === 'BOOKMARK') isComplete = true;
      // Until all are known again, those of the last watch count.
      if (isComplete) this.#pods = pods;
    }
  }
}
