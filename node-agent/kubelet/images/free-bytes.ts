/** Free room where the engine keeps its images; undefined: the board cannot tell. */
import type { Sensors } from '../../sensors/sensors.ts';

export async function readFreeBytes(sensors: Sensors): Promise<number | undefined> {
  const { diskTotalBytes, diskAvailableBytes } = await (sensors.disks?.() ?? sensors.sample());
  return diskTotalBytes > 0 ? diskAvailableBytes : undefined;
}
