/**
 * The addresses of this machine, and whether they have changed (adapter: asks the kernel for its interfaces). DHCP may give
 * another one at any time, and nobody tells: it is looked now and then, and whenever the link to the master comes up.
 */
import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { OwnAddress } from './compute-routes.ts';

const LOOK_INTERVAL_MS = 10_000;

/** Bridges, ports and tunnels: nobody on the LAN dials them. */
const INTERNAL_DEVICES = /^(docker|br-|veth|virbr|cni|flannel|bramble)/;

export class OwnAddresses implements Component {
  readonly #clock: Clock;
  readonly #listeners: (() => void)[] = [];
  #present: readonly OwnAddress[] = [];
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#present = readAddresses();
  }

  list(): readonly OwnAddress[] {
    return this.#present;
  }

  has(address: string): boolean {
    return this.#present.some(({ cidr }) => cidr.split('/')[0] === address);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    this.lookAgain();
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  lookAgain(): void {
    const now = readAddresses();
    if (JSON.stringify(now) === JSON.stringify(this.#present)) return;
    this.#present = now;
    for (const listener of this.#listeners) listener();
  }

  #arm(): void {
    if (this.#isStopped) return;
    this.#timer = this.#clock.after(LOOK_INTERVAL_MS, () => {
      this.lookAgain();
      this.#arm();
    });
  }
}

function readAddresses(): OwnAddress[] {
  return Object.entries(networkInterfaces())
    .filter(([device]) => !INTERNAL_DEVICES.test(device))
    .flatMap(([device, addresses]) => (addresses ?? []).map((address) => ({ device, ...address })))
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .flatMap(({ device, cidr }) => (cidr === null ? [] : [{ device, cidr }]));
}
