/** A Table of the server as lines of text, in columns as wide as their cells. */
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { clean, GAP } from '../print/columns.ts';

export interface TableOptions {
  wide: boolean;
  /** Adds a first column; for lists over all namespaces. */
  withNamespace: boolean;
  /** Adds `pod/` and the like, when several types are printed together. */
  namePrefix?: string;
}

interface Column {
  title: string;
  index: number;
}

/** Lines without the header; keeps the widths that it chose, so that the rows of a watch stay in line. */
export class TablePrinter {
  readonly #options: TableOptions;
  #columns: Column[] = [];
  #widths: number[] = [];

  constructor(options: TableOptions) {
    this.#options = options;
  }

  /** The header and all rows; empty when there are none. */
  render(table: JsonObject): string {
    this.#columns = readColumns(table, this.#options.wide);
    const titles = this.#columns.map(({ title }) => title.toUpperCase());
    const header = this.#options.withNamespace ? ['NAMESPACE', ...titles] : titles;
    const rows = this.#cells(table);
    if (rows.length === 0) return '';
    this.#widths = header.map((_, index) => Math.max(...[header, ...rows].map((row) => (row[index] ?? '').length)));
    return [header, ...rows].map((row) => this.#line(row)).join('');
  }

  /** Rows only; a later table of the same watch may leave out its column definitions. */
  renderRows(table: JsonObject): string {
    if (this.#columns.length === 0) return this.render(table);
    return this.#cells(table)
      .map((row) => this.#line(row))
      .join('');
  }

  #cells(table: JsonObject): string[][] {
    const rows = Array.isArray(table['rows']) ? table['rows'].filter(isJsonObject) : [];
    return rows.map((row) => {
      const values = Array.isArray(row['cells']) ? row['cells'] : [];
      const cells = this.#columns.map(({ index }) => renderCell(values[index]));
      const { namePrefix, withNamespace } = this.#options;
      if (namePrefix !== undefined) cells[0] = `${namePrefix}${cells[0] ?? ''}`;
      return withNamespace ? [namespaceOf(row), ...cells] : cells;
    });
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((cell, index) => cell.padEnd(this.#widths[index] ?? 0));
    return `${padded.join(GAP).trimEnd()}\n`;
  }
}

function readColumns(table: JsonObject, wide: boolean): Column[] {
  const definitions = Array.isArray(table['columnDefinitions']) ? table['columnDefinitions'].filter(isJsonObject) : [];
  return definitions.flatMap((definition, index) =>
    wide || !definition['priority'] ? [{ title: String(definition['name']), index }] : [],
  );
}

function renderCell(value: unknown): string {
  const text = value === null || value === undefined ? '<none>' : String(value);
  return clean(text);
}

function namespaceOf(row: JsonObject): string {
  const object = isJsonObject(row['object']) ? row['object'] : {};
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  return typeof metadata['namespace'] === 'string' ? metadata['namespace'] : '<none>';
}
