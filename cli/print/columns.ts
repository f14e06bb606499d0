/** Rows of text in columns as wide as their cells, as tables of the command line are printed. */

export const GAP = '   ';

export function renderColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join('');
}

/** What a hostile name could do to a terminal with control characters, it does not do here. */
export function clean(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}
