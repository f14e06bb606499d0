/** KernelSettings below /proc/sys and /sys (adapter: files). */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { KernelSettings } from './kernel-settings.ts';

export const nodeKernelSettings: KernelSettings = {
  async read(path) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    return text?.trim();
  },
  write: (path, value) =>
    writeFile(path, value).then(
      () => true,
      () => false,
    ),
  list: (path) => readdir(path).catch(() => []),
};
