/** The table for people: figures first, then goals with their verdicts. */
import type { BenchResult } from '../bench.ts';

export function renderTable(report: BenchResult & { machine: string }): string {
  const lines = [`machine: ${report.machine}`, ''];
  lines.push(...renderColumns(Object.entries(report.figures).map(([name, value]) => [name, renderValue(value)])));
  const goals = Object.entries(report.goals);
  if (goals.length > 0) {
    lines.push('', 'goals');
    lines.push(
      ...renderColumns(
        goals.map(([name, goal]) => [
          name,
          renderValue(goal.value),
          `bound ${renderValue(goal.bound)}`,
          goal.ok ? 'kept' : 'MISSED',
        ]),
      ),
    );
  }
  return lines.join('\n');
}

/** Three significant digits are all that a shared machine gives. */
function renderValue(value: number | string): string {
  if (typeof value === 'string') return value;
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

function renderColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}
