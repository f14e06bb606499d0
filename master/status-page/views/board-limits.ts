/** When a board's readings ask for a look. Pure; the page in the browser imports it too. */
import type { BoardView } from './view-types.ts';

/** How near to its limit a board may come before the page warns. */
const HOT_MARGIN_CELSIUS = 5;

/** Share of a disk that should stay free. */
const LOW_DISK_SHARE = 0.1;

export function isHot({
  temperatureCelsius,
  throttleCelsius,
}: Pick<BoardView, 'temperatureCelsius' | 'throttleCelsius'>): boolean {
  if (temperatureCelsius === undefined || throttleCelsius === undefined) return false;
  return temperatureCelsius >= throttleCelsius - HOT_MARGIN_CELSIUS;
}

export function hasLittleDisk({
  diskAvailableBytes,
  diskTotalBytes,
}: Pick<BoardView, 'diskAvailableBytes' | 'diskTotalBytes'>): boolean {
  if (diskAvailableBytes === undefined || diskTotalBytes === undefined) return false;
  return diskAvailableBytes < diskTotalBytes * LOW_DISK_SHARE;
}
