/** The serial number of a Raspberry Pi, where it joins under: as its Node's label says it. Empty on other machines. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `root`: before /proc, for tests. A property of a device tree ends with a NUL. */
export function readSerial(root: string): string {
  try {
    return readFileSync(join('/', root, 'proc/device-tree/serial-number'), 'utf8')
      .replaceAll('\0', '')
      .trim()
      .toLowerCase();
  } catch {
    return '';
  }
}
