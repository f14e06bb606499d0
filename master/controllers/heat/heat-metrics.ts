/** Heat protection as Prometheus text: what boards are, and what was done about it since the master's start. */
import type { BoardState } from './heat-state.ts';

const LEVELS = { cool: 0, warm: 1, hot: 2 } as const;

export class HeatMetrics {
  #boards: readonly BoardState[] = [];
  readonly #moves = { move: 0, shed: 0 };
  #refusals = 0;

  setBoards(boards: readonly BoardState[]): void {
    this.#boards = boards;
  }

  countMove(type: 'move' | 'shed'): void {
    this.#moves[type] += 1;
  }

  countRefusal(): void {
    this.#refusals += 1;
  }

  render(): string {
    const perBoard = (name: string, readingOf: (board: BoardState) => number): string[] => [
      `# TYPE ${name} gauge`,
      ...this.#boards.map((board) => `${name}{node="${board.node.metadata.name}"} ${readingOf(board)}`),
    ];
    return [
      ...perBoard('bramble_heat_level', ({ heat }) => LEVELS[heat.level]),
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
