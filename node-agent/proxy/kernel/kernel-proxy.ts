/** Serves portals by the kernel's table, and clears what the kernel remembers of UDP targets that have gone. */
import { renderService } from '../ruleset/service-fragment.ts';
import type { Portal } from '../services/portal.ts';
import type { ServiceSink } from '../services/service-sink.ts';
import type { Conntrack } from './conntrack.ts';
import type { KernelTable } from './kernel-table.ts';
import { computeLostFlows } from './lost-flows.ts';

export class KernelProxy implements ServiceSink {
  readonly #table: KernelTable;
  readonly #conntrack: Conntrack;
  /** Only of services with UDP: their targets must be compared. */
  readonly #udp = new Map<string, readonly Portal[]>();

  constructor(table: KernelTable, conntrack: Conntrack) {
    this.#table = table;
    this.#conntrack = conntrack;
  }

  put(service: string, portals: readonly Portal[]): void {
    const lost = computeLostFlows(this.#udp.get(service) ?? [], portals);
    const udp = portals.filter(({ protocol }) => protocol === 'UDP');
    if (udp.length > 0) this.#udp.set(service, udp);
    else this.#udp.delete(service);
    const after = lost.length > 0 ? (): void => this.#conntrack.clear(lost) : undefined;
    this.#table.put(`service ${service}`, renderService(portals), after);
  }

  begin(): void {
    this.#table.begin();
  }
}
