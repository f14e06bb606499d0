/**
 * The table in the kernel: fragments in, transactions of nft out. What was changed while nft worked goes into the next
 * transaction as one; a transaction that the kernel refuses is followed by the whole table. Invariant: a packet sees the
 * table before a transaction or after it, and until the first one the table of the agent's last life.
 */
import { Controller, type ReconcileResult } from '../../../shared/client/controller.ts';
import type { BackoffPolicy } from '../../../shared/platform/backoff.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { Shell } from '../../../shared/platform/shell.ts';
import { Fragments } from '../ruleset/fragments.ts';
import { renderChanges, renderRemoval, renderTable } from '../ruleset/render.ts';
import type { Fragment, Skeleton } from '../ruleset/ruleset.ts';

export interface KernelTableOptions {
  skeleton: Skeleton;
  shell: Shell;
  /** What keeps services from working, for people; undefined: nothing. */
  onProblem(problem: string | undefined): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Somebody may have flushed all rules of the machine, as nftables.service does when it is restarted. */
const LOOK_INTERVAL_MS = 60_000;

const RETRY: BackoffPolicy = { initialMs: 200, maxMs: 30_000, factor: 2, jitter: 0.2 };

export class KernelTable implements Component {
  readonly #options: KernelTableOptions;
  readonly #fragments = new Fragments();
  readonly #controller: Controller;
  /** Called after the next transaction. */
  readonly #afterwards: (() => void)[] = [];
  #hasBegun = false;
  #isLoaded = false;
  #lastLookMs = 0;

  constructor(options: KernelTableOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'kernel-table', reconcile, backoff: RETRY, clock, random, logger });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  /** undefined: the owner has nothing any more. `after` is called when the kernel has been told. */
  put(owner: string, fragment: Fragment | undefined, after?: () => void): void {
    this.#fragments.put(owner, fragment);
    if (after !== undefined) this.#afterwards.push(after);
    this.#enqueue();
  }

  /** The fragments are complete: the table of the last life may go. */
  begin(): void {
    this.#hasBegun = true;
    this.#enqueue();
  }

  /** Another agent of this machine has written the table, or may have. */
  reload(): void {
    this.#isLoaded = false;
    this.#enqueue();
  }

  #enqueue(): void {
    if (this.#hasBegun) this.#controller.enqueue('table');
  }

  async #reconcile(): Promise<ReconcileResult> {
    await this.#lookWhetherThere();
    const text = this.#takeText();
    // Those of this text: what is put while nft works is not in the kernel yet.
    const told = this.#afterwards.splice(0);
    try {
      if (text !== '') await this.#load(text);
    } catch (error) {
      this.#afterwards.unshift(...told);
      throw error;
    }
    for (const each of told) each();
    return { requeueAfterMs: LOOK_INTERVAL_MS };
  }

  async #lookWhetherThere(): Promise<void> {
    const { clock, shell, skeleton, logger } = this.#options;
    if (!this.#isLoaded || clock.monotonicMs() - this.#lastLookMs < LOOK_INTERVAL_MS) return;
    this.#lastLookMs = clock.monotonicMs();
    const { code, stdout } = await shell.run('nft', ['list', 'tables', 'inet']);
    if (code !== 0 || stdout.split('\n').includes(`table inet ${skeleton.table}`)) return;
    logger.warn('somebody removed the rules of services: they are written anew', { table: skeleton.table });
    this.#isLoaded = false;
  }

  #takeText(): string {
    const { skeleton } = this.#options;
    if (!this.#isLoaded) return renderTable(skeleton, this.#fragments.takeAll());
    const changes = this.#fragments.take();
    return changes.length === 0 ? '' : renderChanges(skeleton.table, changes);
  }

  async #load(text: string): Promise<void> {
    const { shell, onProblem, clock } = this.#options;
    const { code, stderr } = await shell.run('nft', ['-f', '-'], text);
    // What the kernel has now is what we take it for only when it took everything.
    this.#isLoaded = code === 0;
    if (code !== 0) {
      const why = stderr.trim().split('\n')[0] ?? '';
      onProblem(`the kernel refuses the rules of services: ${why}`);
      throw new KernelTableError(why);
    }
    this.#lastLookMs = clock.monotonicMs();
    onProblem(undefined);
  }
}

export class KernelTableError extends Error {
  override readonly name = 'KernelTableError';
}

/** Why the table cannot be written on this machine; undefined: it can. Nothing is changed. */
export async function findKernelProblem(shell: Shell, skeleton: Skeleton): Promise<string | undefined> {
  const { code, stderr } = await shell.run('nft', ['-c', '-f', '-'], renderTable(skeleton, []));
  if (code === 0) return undefined;
  return stderr.trim().split('\n')[0] || 'nft cannot be run';
}

/** Idempotent. */
export async function removeKernelTable(shell: Shell, table: string): Promise<void> {
  await shell.run('nft', ['-f', '-'], renderRemoval(table));
}
