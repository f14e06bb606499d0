/** Charts of a board's last hours, drawn by uPlot from what the master remembers. */
import uPlot from 'uplot';
import { element } from './dom.ts';
import { renderCelsius } from './format.ts';
import { ask } from './requests.ts';

interface Answer {
  startMs: number;
  stepMs: number;
  series: Record<'celsius' | 'cpuPercent' | 'memoryPercent' | 'diskPercent', (number | null)[]>;
}

type Points = (number | null)[];

const HEIGHT_PX = 170;
const REFRESH_MS = 30_000;

export class Charts {
  readonly element = element('section', { class: 'charts', 'aria-label': 'The last hours' });
  readonly #board: string;
  readonly #limitCelsius: number | undefined;
  #plots: uPlot[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #resize = new ResizeObserver(() => {
    for (const plot of this.#plots) plot.setSize({ width: this.#width, height: HEIGHT_PX });
  });

  constructor(board: string, limitCelsius: number | undefined) {
    this.#board = board;
    this.#limitCelsius = limitCelsius;
  }

  open(): void {
    void this.#draw();
    this.#timer = setInterval(() => void this.#draw(), REFRESH_MS);
    this.#resize.observe(this.element);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#resize.disconnect();
    for (const plot of this.#plots) plot.destroy();
    this.#plots = [];
  }

  get #width(): number {
    return Math.max(200, this.element.clientWidth);
  }

  async #draw(): Promise<void> {
    const answer = await ask<Answer>('GET', `/api/history?board=${encodeURIComponent(this.#board)}`).catch(
      () => undefined,
    );
    if (answer === undefined || !this.element.isConnected) return;
    const { times, series } = cut(answer);
    for (const plot of this.#plots) plot.destroy();
    this.element.replaceChildren();
    if (times.length < 2) {
      this.element.append(
        element('p', { class: 'empty', text: 'The charts begin with the first minutes that are remembered.' }),
      );
      return;
    }
    const limit = times.map(() => this.#limitCelsius ?? null);
    this.#plots = [
      this.#plot(
        'Temperature, °C',
        [times, series.celsius, limit],
        [line('Temperature', '--accent'), dashed('Limit', '--problem')],
      ),
      this.#plot(
        'CPU, RAM and disk, %',
        [times, series.cpuPercent, series.memoryPercent, series.diskPercent],
        [line('CPU', '--accent'), line('RAM', '--second'), line('Disk', '--third')],
      ),
    ];
  }

  #plot(title: string, data: [number[], ...Points[]], series: uPlot.Series[]): uPlot {
    const color = colorOf('--quiet');
    const grid = { stroke: colorOf('--line'), width: 1 };
    const axis = { stroke: color, grid, ticks: grid, font: '12px system-ui, sans-serif' };
    const box = element('div', { role: 'img', 'aria-label': describe(title, data[1] ?? []) });
    this.element.append(element('figure', {}, [element('figcaption', { text: title }), box]));
    const isPercent = title.endsWith('%');
    return new uPlot(
      {
        width: this.#width,
        height: HEIGHT_PX,
        cursor: { y: false },
        legend: { live: true },
        scales: {
          y: isPercent
            ? { range: [0, 100] }
            : { range: (_, low, high) => [Math.min(30, low - 2), Math.max(60, high + 2)] },
        },
        axes: [
          { ...axis, values: (_, times) => times.map(renderTime) },
          { ...axis, size: 40 },
        ],
        series: [{ value: (_, time) => (time === null ? '–' : renderTime(time)) }, ...series],
      },
      data,
      box,
    );
  }
}

/** From the first slot in which anything was heard. */
function cut({ startMs, stepMs, series }: Answer): { times: number[]; series: Answer['series'] } {
  const all = Object.values(series);
  const first = Math.min(
    ...all.map((points) => points.findIndex((point) => point !== null)).map((at) => (at < 0 ? Infinity : at)),
  );
  const from = Number.isFinite(first) ? first : (all[0]?.length ?? 0);
  const times = (all[0] ?? []).slice(from).map((_, index) => (startMs + (from + index) * stepMs) / 1000);
  const tails = Object.entries(series).map(([name, points]) => [name, points.slice(from)]);
  return { times, series: Object.fromEntries(tails) as Answer['series'] };
}

/** What the picture says, for those who do not see it. */
function describe(title: string, points: Points): string {
  const known = points.filter((point) => point !== null);
  if (known.length === 0) return `${title}: nothing known`;
  const render = title.includes('°C') ? renderCelsius : (value: number) => `${Math.round(value)} %`;
  const last = known.at(-1) ?? 0;
  return `${title}: now ${render(last)}, lowest ${render(Math.min(...known))}, highest ${render(Math.max(...known))}`;
}

/** `14:30`, whatever the language of the device. */
function renderTime(seconds: number): string {
  return new Date(seconds * 1000).toTimeString().slice(0, 5);
}

function line(label: string, variable: string): uPlot.Series {
  return { label, stroke: colorOf(variable), width: 2, points: { show: false }, spanGaps: false };
}

function dashed(label: string, variable: string): uPlot.Series {
  return { ...line(label, variable), width: 1, dash: [6, 4] };
}

/** The colour of the present theme: light-dark() is not for canvases, so a probe says what it became. */
function colorOf(variable: string): string {
  const probe = element('span');
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
