/** What master and agents tell Prometheus of a board under the same names. No schemas: agents load this. */

/** Of a sample of the agent, and of the NodeSensors that it becomes. */
export interface BoardFacts {
  temperatureCelsius?: number | undefined;
  throttled?: boolean | undefined;
  underVoltage?: boolean | undefined;
  diskTotalBytes?: number | undefined;
  diskAvailableBytes?: number | undefined;
  diskWrittenBytes?: number | undefined;
}

/** Name, what it is, and where it is read; counters are told by their names. */
export type BoardReading<T> = readonly [name: string, help: string, value: (one: T) => number | boolean | undefined];

export const BOARD_READINGS: readonly BoardReading<BoardFacts>[] = [
  ['bramble_node_temperature_celsius', 'Temperature of the CPU', (one) => one.temperatureCelsius],
  ['bramble_node_throttled', '1 while the board slows itself down', (one) => one.throttled],
  ['bramble_node_under_voltage', '1 while the supply voltage is too low', (one) => one.underVoltage],
  ['bramble_node_disk_size_bytes', 'Size of the disk of images and containers', (one) => one.diskTotalBytes],
  ['bramble_node_disk_available_bytes', 'Free space there', (one) => one.diskAvailableBytes],
  ['bramble_node_disk_written_bytes_total', 'Written since boot: what wears a card out', (one) => one.diskWrittenBytes],
];

export function metricTypeOf(name: string): 'counter' | 'gauge' {
  return name.endsWith('_total') ? 'counter' : 'gauge';
}
