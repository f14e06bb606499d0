/** Boards as tiles: what hardware has to say, at a glance. */
import { isHot } from '../views/board-limits.ts';
import type { BoardView, TrendView, UptimeView } from '../views/view-types.ts';
import { element, fill, mark } from './dom.ts';
import { plural, renderAge, renderBytes, renderCelsius, renderShare, renderUptime } from './format.ts';
import type { Row } from './list.ts';
import { bar, openLink, type Scene, shareLevel, sparkline, uptimeBar } from './parts.ts';

/** All that a tile shows; a new value when one of them is another one. */
export interface Tile {
  board: BoardView;
  trend: TrendView | undefined;
  uptime: UptimeView | undefined;
}

export function makeTile(key: string, scene: () => Scene): Row<Tile> {
  const node = element('li', { class: 'tile' });
  return {
    element: node,
    draw: (tile) => {
      const { board } = tile;
      node.className = `tile ${board.level}`;
      fill(node, [
        head(key, tile, scene()),
        heat(tile),
        element('dl', { class: 'gauges' }, [...cpu(board), ...memory(board), ...disk(board)]),
        element(
          'p',
          { class: 'foot' },
          [describeLink(board), describeWear(tile)].map((text) => element('span', { text })),
        ),
        element('p', { class: 'times' }, [
          uptimeBar(tile.uptime, scene().uptimeSpan),
          element('span', { class: 'share', text: shareOf(tile.uptime, scene().uptimeSpan) }),
        ]),
      ]);
    },
  };
}

function stateOf(board: BoardView): string {
  if (!board.ready) return 'Not ready';
  const alarms = [board.underVoltage && 'under-voltage', board.throttled && 'throttled', board.cordoned && 'cordoned'];
  const words = alarms.filter((word) => word !== false);
  if (words.length === 0) return board.level === 'ok' ? 'Ready' : 'Ready, needs a look';
  return words.join(', ').replace(/^./, (letter) => letter.toUpperCase());
}

function head(key: string, { board }: Tile, { route, nowMs }: Scene): HTMLElement {
  const title = element('h3', {}, [mark(board.level), openLink(route, key, board.name)]);
  const about = [board.model, plural(board.pods, 'pod')].filter(Boolean);
  const since = board.ready ? '' : ` for ${renderAge(board.since, nowMs)}`;
  return element('div', { class: 'head' }, [
    title,
    element('span', { class: `state ${board.level}`, text: `${stateOf(board)}${since}` }),
    element(
      'p',
      { class: 'model' },
      about.map((text) => element('span', { text })),
    ),
  ]);
}

const ARROWS = { rising: '↗ rising', falling: '↘ falling', steady: '→ steady', unknown: '' } as const;

function heat({ board, trend }: Tile): HTMLElement {
  const { temperatureCelsius, throttleCelsius } = board;
  if (temperatureCelsius === undefined) return element('p', { class: 'heat none', text: 'no temperature sensor' });
  const limit = throttleCelsius === undefined ? '' : `limit ${throttleCelsius.toFixed(0)} °C`;
  const words = [limit, ARROWS[trend?.direction ?? 'unknown']].filter(Boolean).join(' · ');
  return element('div', { class: 'heat' }, [
    element('p', {}, [
      element('strong', { class: isHot(board) ? 'warning' : '', text: renderCelsius(temperatureCelsius) }),
      element('span', { text: words }),
    ]),
    trend?.celsius.some((value) => value !== null) ? (sparkline(trend.celsius, throttleCelsius) as Node) : undefined,
  ]);
}

function gauge(name: string, used: number | undefined, of: number | undefined): HTMLElement[] {
  const share = used === undefined || !of ? undefined : used / of;
  return [
    element('dt', { text: name }),
    element('dd', {}, [
      bar(share ?? 0, shareLevel(share ?? 0)),
      element('span', { class: 'value', text: share === undefined ? '–' : renderShare(share) }),
    ]),
  ];
}

const cpu = (board: BoardView): HTMLElement[] => gauge('CPU', board.cpuMillis, board.cpuCapacityMillis);
const memory = (board: BoardView): HTMLElement[] => gauge('RAM', board.memoryUsedBytes, board.memoryCapacityBytes);
const disk = (board: BoardView): HTMLElement[] => gauge('Disk', usedDisk(board), board.diskTotalBytes);

export function usedDisk({ diskTotalBytes, diskAvailableBytes }: BoardView): number | undefined {
  if (diskTotalBytes === undefined || diskAvailableBytes === undefined) return undefined;
  return diskTotalBytes - diskAvailableBytes;
}

/** Boards without Wi-Fi are on a cable. */
export function describeLink({ ready, wifiSignalDbm, wifiQualityPercent }: BoardView): string {
  if (!ready) return 'link lost';
  if (wifiSignalDbm === undefined) return 'wired link';
  return `Wi-Fi ${wifiSignalDbm} dBm${wifiQualityPercent === undefined ? '' : `, ${wifiQualityPercent} %`}`;
}

export function describeWear({ board, trend }: Pick<Tile, 'board' | 'trend'>): string {
  if (trend?.writtenPerDayBytes !== undefined) return `${renderBytes(trend.writtenPerDayBytes)} written a day`;
  return board.diskWrittenBytes === undefined ? '' : `${renderBytes(board.diskWrittenBytes)} written since boot`;
}

function shareOf(uptime: UptimeView | undefined, span: 'day' | 'week'): string {
  const share = span === 'day' ? uptime?.dayShare : uptime?.weekShare;
  return share === undefined ? '' : renderUptime(share);
}
