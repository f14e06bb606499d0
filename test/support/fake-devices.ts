/** Devices that come and go by a call, for tests and simulations. */
import type { Device, DeviceNames, DeviceSource } from '../../node-agent/kubelet/devices/device.ts';

export interface FakeDevices extends DeviceSource {
  plug(device: Device): void;
  unplug(id: string): void;
  present(): readonly Device[];
}

export function createFakeDevices(names: DeviceNames = new Map()): FakeDevices {
  const devices = new Map<string, Device>();
  const listeners = new Set<() => void>();
  const hint = (): void => {
    for (const listener of listeners) listener();
  };
  const sorted = (): Device[] => [...devices.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    scan: sorted,
    present: sorted,
    names: () => names,
    find(path) {
      const nodes = [...devices.values()].flatMap((device) => device.nodes);
      return nodes.find(({ hostPath }) => hostPath === path);
    },
    watch(onHint) {
      listeners.add(onHint);
      return () => listeners.delete(onHint);
    },
    plug(device) {
      devices.set(device.id, device);
      hint();
    },
    unplug(id) {
      if (devices.delete(id)) hint();
    },
  };
}

/** A serial dongle; `node` is the number that the kernel gave it this time. */
export function fakeDongle(serial: string, node = 0): Device {
  const path = `/dev/ttyUSB${node}`;
  return {
    id: `usb-10c4-ea60-${serial}`,
    names: ['serial', 'usb-10c4-ea60'],
    nodes: [{ hostPath: path, containerPath: undefined }],
    shares: 1,
    serial,
    paths: [path],
  };
}
