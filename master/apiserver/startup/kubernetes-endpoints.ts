/**
 * The EndpointSlice of the Service `kubernetes`: where pods reach this master. A master's address is live status: it is
 * looked at again now and then, and written only when it has changed.
 */
import { SERVICE_NAME_LABEL } from '../../../shared/api/endpoint-slice.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { RegistryDeps } from '../registry/registry-deps.ts';
import type { AnyKind } from '../storage/api-object.ts';
import { ensureObject } from './ensure-object.ts';

export interface KubernetesEndpointsOptions {
  deps: RegistryDeps;
  /** EndpointSlice. */
  kind: AnyKind;
  /** Where pods can reach the API now; undefined where nobody can. */
  advertiseAddress(): string | undefined;
  apiPort: number;
  clock: Clock;
  logger: Logger;
}

const METADATA = { name: 'kubernetes', namespace: 'default', labels: { [SERVICE_NAME_LABEL]: 'kubernetes' } };

const CHECK_INTERVAL_MS = 30_000;

export class KubernetesEndpoints implements Component {
  readonly #options: KubernetesEndpointsOptions;
  #written: string | undefined;
  #timer: Timer | undefined;
  #checking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: KubernetesEndpointsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#check();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#checking;
  }

  async #check(): Promise<void> {
    const address = this.#options.advertiseAddress();
    if (address !== undefined && address !== this.#written) await this.#write(address);
    if (!this.#isStopped) this.#arm();
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(CHECK_INTERVAL_MS, () => {
      this.#checking = this.#check();
    });
  }

  /** A master without it still serves; it is tried again. */
  async #write(address: string): Promise<void> {
    const { deps, kind, apiPort, logger } = this.#options;
    const slice = renderSlice(address, apiPort);
    try {
      const wantedOf = (current: JsonObject): JsonObject => ({ ...current, ...slice });
      await ensureObject(deps, kind, { value: { metadata: METADATA, ...slice }, wantedOf });
      this.#written = address;
    } catch (error) {
      logger.warn('the address of the API was not written, will retry', { address, error });
    }
  }
}

function renderSlice(address: string, port: number): JsonObject {
  return {
    addressType: address.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}
