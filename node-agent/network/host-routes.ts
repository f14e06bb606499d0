/**
 * Keeps the machine's routes to the pods of other nodes, and the tunnel where one is needed. Level-triggered: it looks at what
 * the kernel has and changes what differs; what does not differ is not touched, so that nothing that flows is disturbed.
 */
import { Controller, type ReconcileResult } from '../../shared/client/controller.ts';
import { parseRange, rangeContains } from '../../shared/machinery/ip-range.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { Shell } from '../../shared/platform/shell.ts';
import { computeRoutes, type OwnAddress, type Route, type RouteFacts, type WantedRoutes } from './compute-routes.ts';
import { openDockerFirewall } from './docker-firewall.ts';
import type { NetworkNames } from './names.ts';
import {
  isSameTunnel,
  parseRoutes,
  parseTunnel,
  ROUTE_PROTOCOL,
  renderForwarding,
  renderRouteChanges,
  renderTunnelDevice,
  renderTunnelNeighbours,
  splitFamilies,
} from './route-commands.ts';

export interface HostRoutesOptions {
  names: NetworkNames;
  shell: Shell;
  /** The present facts; undefined: not known yet. */
  facts(): Omit<RouteFacts, 'ownAddresses' | 'tunnel'> | undefined;
  clusterRanges(): readonly string[];
  /** Addresses of this machine, now. */
  ownAddresses(): readonly OwnAddress[];
  /** Largest packet of the device that has this address. */
  mtuOf(address: string): Promise<number>;
  /** `problem` is another one. */
  onChange(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Somebody else may have cleared the machine's routes or rules. */
const LOOK_INTERVAL_MS = 60_000;

const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 };

export class HostRoutes implements Component {
  readonly #options: HostRoutesOptions;
  readonly #controller: Controller;
  #problem: string | undefined;
  #hasTunnel = false;

  constructor(options: HostRoutesOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'host-routes', reconcile, backoff: RETRY, clock, random, logger });
  }

  /** Why pods of other nodes may not be reached; undefined: they can be. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async start(): Promise<void> {
    await this.#controller.start();
    this.lookAgain();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  /** A node has come, gone or moved; or this machine has. */
  lookAgain(): void {
    this.#controller.enqueue('routes');
  }

  async #reconcile(): Promise<ReconcileResult> {
    const { facts, ownAddresses, names, shell, clusterRanges } = this.#options;
    const known = facts();
    if (known === undefined) return {};
    const wanted = computeRoutes({ ...known, ownAddresses: ownAddresses(), tunnel: names.tunnel });
    try {
      await openDockerFirewall(shell, { comment: names.table, clusterRanges: clusterRanges() });
      await this.#syncTunnel(wanted);
      for (const { family, routes } of splitFamilies(wanted)) await this.#syncRoutes(family, routes);
      this.#setProblem(undefined);
    } catch (error) {
      this.#setProblem(error instanceof Error ? error.message : String(error));
      throw error;
    }
    return { requeueAfterMs: LOOK_INTERVAL_MS };
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onChange();
  }

  async #syncRoutes(family: 4 | 6, wanted: readonly Route[]): Promise<void> {
    const { shell, clusterRanges } = this.#options;
    const shown = await shell.run('ip', [`-${family}`, '-json', 'route', 'show', 'proto', ROUTE_PROTOCOL]);
    const ours = new Set([...wanted.map(({ destination }) => destination)]);
    const ranges = clusterRanges();
    // Another cluster on this machine has routes of its own, marked alike.
    const present = parseRoutes(shown.stdout, wanted).filter(
      ({ destination }) => ours.has(destination) || isInside(destination, ranges),
    );
    await this.#batch('ip', [`-${family}`], renderRouteChanges(present, wanted));
  }

  async #syncTunnel({ tunnel, peers }: WantedRoutes): Promise<void> {
    const { names, shell, mtuOf, logger } = this.#options;
    if (tunnel === undefined && !this.#hasTunnel) return;
    const shown = await shell.run('ip', ['-json', '-details', 'link', 'show', 'dev', names.tunnel]);
    const present = parseTunnel(shown.stdout);
    if (present !== undefined && (tunnel === undefined || !isSameTunnel(present, tunnel))) {
      await shell.run('ip', ['link', 'del', names.tunnel]);
    }
    this.#hasTunnel = tunnel !== undefined;
    if (tunnel === undefined) return;
    if (!isSameTunnel(present, tunnel)) {
      await this.#batch('ip', [], renderTunnelDevice(names.tunnel, tunnel, await mtuOf(tunnel.outer)));
      logger.info('made the tunnel to nodes on other segments', { device: names.tunnel, peers: peers.length });
    }
    await this.#batch('ip', [], renderTunnelNeighbours(names.tunnel, peers));
    await this.#batch('bridge', [], renderForwarding(names.tunnel, peers));
  }

  /** One process for all lines; each is tried, whatever became of the others. */
  async #batch(program: string, flags: readonly string[], lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const { code, stderr } = await this.#options.shell.run(
      program,
      [...flags, '-force', '-batch', '-'],
      `${lines.join('\n')}\n`,
    );
    if (code !== 0) throw new RouteError(`${program}: ${stderr.trim().split('\n')[0] ?? ''}`);
  }
}

function isInside(destination: string, ranges: readonly string[]): boolean {
  const inner = parseRange(destination);
  return ranges.some((text) => {
    const outer = parseRange(text);
    if (inner === undefined || outer === undefined || inner.prefix < outer.prefix) return false;
    return rangeContains(outer, { family: inner.family, value: inner.first });
  });
}

export class RouteError extends Error {
  override readonly name = 'RouteError';
}
