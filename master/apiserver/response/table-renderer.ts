/** Tables of a kind, together with what their cells need from other objects: the temperatures of boards. */
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { type IncludeObject, renderTable, type Table, type TableOptions } from '../../../shared/schema/table.ts';
import { type AnyKind, type ApiObject, asKind } from '../storage/api-object.ts';

/** All NodeSensors, from memory; empty where that kind is not served. */
export type SensorsReader = () => Promise<readonly ApiObject[]>;

export interface TableRendererOptions {
  kind: AnyKind;
  clock: Clock;
  includeObject: IncludeObject;
  readSensors: SensorsReader;
}

export type TableExtras = Pick<TableOptions, 'metadata' | 'withoutColumns'>;

export class TableRenderer {
  readonly #options: TableRendererOptions;

  constructor(options: TableRendererOptions) {
    this.#options = options;
  }

  async render(objects: readonly ApiObject[], extras: TableExtras): Promise<Table> {
    const { kind, clock, includeObject } = this.#options;
    return renderTable(kind, objects, {
      nowMs: clock.nowMs(),
      includeObject,
      ...(await this.#temperatures()),
      ...extras,
    });
  }

  async #temperatures(): Promise<Pick<TableOptions, 'temperatureCelsius'>> {
    const { kind, readSensors } = this.#options;
    if (kind.group !== '' || kind.kind !== 'Node') return {};
    const sensors = (await readSensors()).map((object) => asKind<NodeSensors>({ kind: 'NodeSensors' }, object));
    const byNode = new Map(sensors.map(({ metadata, temperatureCelsius }) => [metadata.name, temperatureCelsius]));
    return { temperatureCelsius: (node) => byNode.get(node) };
  }
}
