/** Devices in the words of a Node: labels to select by, extended resources to ask for. Pure. */
import type { Allocations } from './allocation.ts';
import { DEVICE_LABEL_PREFIX, type Device, resourceOf } from './device.ts';

export interface DeviceFacts {
  labels: Readonly<Record<string, string>>;
  capacity: Readonly<Record<string, string>>;
  allocatable: Readonly<Record<string, string>>;
}

export const NO_DEVICES: DeviceFacts = { labels: {}, capacity: {}, allocatable: {} };

/** Value of the label of a device that has nothing to tell it by, or of several devices. */
const PRESENT = 'present';

/**
 * `names` are told even while no such device is there, as 0. A device under two names is there twice for who counts, so that
 * what is given away under one name is taken off the others.
 */
export function renderDevices(
  devices: readonly Device[],
  allocations: Allocations,
  names: Iterable<string> = [],
): DeviceFacts {
  const all = [...new Set([...names, ...devices.flatMap((device) => device.names)])].sort();
  const byName = new Map(all.map((name) => [name, devices.filter((device) => device.names.includes(name))]));
  const amounts = (count: (name: string, members: readonly Device[]) => number): Record<string, string> =>
    Object.fromEntries([...byName].map(([name, members]) => [resourceOf(name), String(count(name, members))]));
  return {
    labels: Object.fromEntries(
      [...byName].flatMap(([name, members]) =>
        members.length === 0 ? [] : [[`${DEVICE_LABEL_PREFIX}${name}`, labelOf(members)]],
      ),
    ),
    capacity: amounts((_name, members) => members.reduce((total, { shares }) => total + shares, 0)),
    allocatable: amounts((name, members) => {
      const free = members.reduce((total, device) => total + device.shares - allocations.sharesTaken(device.id), 0);
      return free + allocations.granted(name, members);
    }),
  };
}

function labelOf([first, ...others]: readonly Device[]): string {
  const value = (first?.serial ?? '').replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 63);
  const trimmed = value.replace(/^[^A-Za-z0-9]+/, '').replace(/[^A-Za-z0-9]+$/, '');
  return others.length > 0 || trimmed === '' ? PRESENT : trimmed;
}
