/** A device that a pod can have: found by what the kernel tells of it, known by an id that survives a reboot. */

/** Extended resources of devices, and with the other prefix their labels and names on the Node. */
export const RESOURCE_PREFIX = 'bramble.dev/';
export const DEVICE_LABEL_PREFIX = 'device.bramble.dev/';

export interface DeviceNode {
  /** Where it is on the node: `/dev/ttyUSB0`. */
  hostPath: string;
  /** Where it shows in the container; undefined: below /dev/bramble, by the name of the resource, whatever its number is. */
  containerPath: string | undefined;
}

export interface Device {
  /** `usb-10c4-ea60-0001`: the same after a reboot and in another socket, where the device has a serial number. */
  id: string;
  /** Names without prefix under which it is offered, the most special one last: `serial`, `usb-10c4-ea60`, `zigbee`. */
  names: readonly string[];
  nodes: readonly DeviceNode[];
  /** Containers that may have it at the same time: one, but for buses that are made for sharing. */
  shares: number;
  /** What tells it from others of its kind, for the label; empty when nothing does. */
  serial: string;
  /** Every path under which people may know it: `/dev/ttyUSB0`, `/dev/serial/by-id/usb-…`. */
  paths: readonly string[];
}

/** What people call their devices: name → path or `usb:vendor:product[:serial]`. */
export type DeviceNames = ReadonlyMap<string, string>;

/** Where devices are found. Implementations: the files of the machine, a simulation. */
export interface DeviceSource {
  /** All devices that are there now, in order of their ids. */
  scan(): Device[];
  /** A character device that nothing was discovered about; undefined: there is none. */
  find(path: string): DeviceNode | undefined;
  /** Names by the node's own file. */
  names(): DeviceNames;
  /** Calls when devices may have come or gone, now and then for nothing; until the returned function is called. */
  watch(onHint: () => void): () => void;
}

export function resourceOf(name: string): string {
  return `${RESOURCE_PREFIX}${name}`;
}
