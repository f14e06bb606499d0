/**
 * Devices of the machine (adapter: reads /sys and /dev, and has the kernel tell of new files there by inotify). Nothing is
 * polled: where folders cannot be watched, the manager's own rare look finds what has changed.
 */
import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { FileTree } from '../../sensors/file-tree.ts';
import { findBoardDevices } from './board-devices.ts';
import type { Device, DeviceNames, DeviceNode, DeviceSource } from './device.ts';
import { parseDeviceNames } from './named-devices.ts';
import { findUsbDevices } from './usb-devices.ts';

export interface SystemDevicesOptions {
  /** Before every path; empty for the machine itself. */
  root: string;
  /** File with names for devices; undefined: there is none. */
  namesFile: string | undefined;
}

/** Folders in which devices and their lasting names appear; those of single USB buses come on top. */
const WATCHED = ['dev', 'dev/serial', 'dev/serial/by-id', 'dev/v4l', 'dev/v4l/by-id', 'dev/dri', 'dev/bus/usb'];

/** A machine with more buses has other ways. */
const MAX_WATCHED_BUSES = 16;

export function createSystemDevices(options: SystemDevicesOptions): DeviceSource {
  return new SystemDevices(options);
}

class SystemDevices implements DeviceSource {
  readonly #options: SystemDevicesOptions;
  readonly #tree: FileTree;
  readonly #watchers = new Map<string, FSWatcher>();
  #onHint: (() => void) | undefined;

  constructor(options: SystemDevicesOptions) {
    this.#options = options;
    this.#tree = new FileTree(options.root);
  }

  scan(): Device[] {
    this.#watchFolders();
    return [...findUsbDevices(this.#tree), ...findBoardDevices(this.#tree)].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  find(path: string): DeviceNode | undefined {
    const { root } = this.#options;
    // Paths of nodes that were found carry the root already.
    const bare = root !== '' && path.startsWith(`${root}/`) ? path.slice(root.length) : path;
    const target = this.#tree.resolve(bare.slice(1));
    const hostPath = this.#tree.path(target);
    if (!target.startsWith('dev/') || !isCharacterDevice(hostPath)) return undefined;
    return { hostPath, containerPath: undefined };
  }

  names(): DeviceNames {
    const { namesFile } = this.#options;
    return namesFile === undefined ? new Map() : parseDeviceNames(readOrEmpty(namesFile));
  }

  watch(onHint: () => void): () => void {
    this.#onHint = onHint;
    this.#watchFolders();
    return () => {
      this.#onHint = undefined;
      for (const watcher of this.#watchers.values()) watcher.close();
      this.#watchers.clear();
    };
  }

  /** Folders come and go with their devices: looked at again at each scan. */
  #watchFolders(): void {
    if (this.#onHint === undefined) return;
    const buses = this.#tree.list('dev/bus/usb').slice(0, MAX_WATCHED_BUSES);
    for (const folder of [...WATCHED, ...buses.map((bus) => join('dev/bus/usb', bus))]) {
      if (!this.#watchers.has(folder)) this.#watchFolder(folder);
    }
  }

  #watchFolder(folder: string): void {
    const forget = (): void => {
      this.#watchers.get(folder)?.close();
      this.#watchers.delete(folder);
    };
    try {
      const watcher = watch(this.#tree.path(folder), { persistent: false }, (event, name) => {
        // A file that is written to is no news; a folder that was watched itself is gone.
        if (event === 'rename') this.#onHint?.();
        if (name !== null && folder.endsWith(`/${name}`)) forget();
      });
      watcher.on('error', forget);
      this.#watchers.set(folder, watcher);
    } catch {
      // No such folder yet, or no watches left: the rare look finds it.
    }
  }
}

function isCharacterDevice(path: string): boolean {
  try {
    return statSync(path).isCharacterDevice();
  } catch {
    return false;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
