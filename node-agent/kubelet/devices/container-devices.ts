/** What a container gets of its devices: nodes under stable paths, and variables that name them. Pure. */
import type { ContainerConfig } from '../../container-runtime/runtime.ts';
import type { ContainerGrant } from '../pod/pod-gate.ts';
import type { DeviceGrant } from './allocation.ts';
import { renderDeviceAnnotation } from './device-annotation.ts';

/** Read and write; a container never makes device nodes of its own. */
const PERMISSIONS = 'rw';

const CONTAINER_FOLDER = '/dev/bramble';

/** `BRAMBLE_DEVICE_ZIGBEE=/dev/bramble/zigbee`; several paths are separated by commas. */
export function renderContainerDevices(grants: readonly DeviceGrant[]): ContainerGrant {
  const byName = Map.groupBy(grants, ({ name }) => name);
  const named = [...byName].map(([name, own]) => ({ name, devices: place(name, own) }));
  const all = named.flatMap(({ devices }) => devices);
  return {
    devices: [...new Map(all.map((device) => [device.containerPath, device])).values()],
    env: named.map(({ name, devices }) => ({
      name: variableOf(name),
      value: devices.map(({ containerPath }) => containerPath).join(','),
    })),
    annotations: renderDeviceAnnotation(grants),
  };
}

/** The first nameless node is called like the resource, further ones get numbers. */
function place(name: string, grants: readonly DeviceGrant[]): ContainerConfig['devices'] {
  const nodes = new Map(grants.flatMap((grant) => grant.nodes).map((node) => [node.hostPath, node]));
  let nameless = 0;
  return [...nodes.values()].map(({ hostPath, containerPath }) => {
    if (containerPath !== undefined) return { hostPath, containerPath, permissions: PERMISSIONS };
    const suffix = nameless === 0 ? '' : `-${nameless}`;
    nameless += 1;
    return { hostPath, containerPath: `${CONTAINER_FOLDER}/${name}${suffix}`, permissions: PERMISSIONS };
  });
}

export function variableOf(name: string): string {
  return `BRAMBLE_DEVICE_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}
