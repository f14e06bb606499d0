/** Heat protection as Prometheus text: what boards are, and what was done about it since the master's start. */
import type { HeatLimits } from '../../../shared/machinery/heat-limits.ts';
import type { HeatLevel } from './board-heat.ts';

export interface MeasuredBoard {
  name: string;
  level: HeatLevel;
  limits: HeatLimits;
}

const LEVELS = { cool: 0, warm: 1, hot: 2 } as const;

export class HeatMetrics {
  readonly #readBoards: () => readonly MeasuredBoard[];
  readonly #moves = { move: 0, shed: 0 };
  #refusals = 0;

  /** Asked whenever somebody wants to know. */
  constructor(readBoards: () => readonly MeasuredBoard[]) {
    this.#readBoards = readBoards;
  }

  countMove(type: 'move' | 'shed'): void {
    this.#moves[type] += 1;
  }

  countRefusal(): void {
    this.#refusals += 1;
  }

  render(): string {
    const boards = this.#readBoards();
    const perBoard = (name: string, readingOf: (board: MeasuredBoard) => number): string[] => [
      `# TYPE ${name} gauge`,
      ...boards.map((board) => `${name}{node="${board.name}"} ${readingOf(board)}`),
    ];
    return [
      ...perBoard('bramble_heat_level', ({ level }) => LEVELS[level]),
      ...perBoard('bramble_heat_soft_limit_celsius', ({ limits }) => limits.softCelsius),
      ...perBoard('bramble_heat_hard_limit_celsius', ({ limits }) => limits.hardCelsius),
      '# TYPE bramble_heat_pods_total counter',
      `bramble_heat_pods_total{action="move"} ${this.#moves.move}`,
      `bramble_heat_pods_total{action="shed"} ${this.#moves.shed}`,
      '# TYPE bramble_heat_budget_refusals_total counter',
      `bramble_heat_budget_refusals_total ${this.#refusals}`,
      '',
    ].join('\n');
  }
}
