/**
 * A container's devices as an annotation of its runtime record, and back: a new agent knows from the engine alone who has
 * what. `[["zigbee","usb-10c4-ea60-0001",0,["/dev/ttyUSB0","/dev/bramble/zigbee"]]]`.
 */
import type { DeviceGrant } from './allocation.ts';
import type { DeviceNode } from './device.ts';

export const DEVICES_ANNOTATION = 'bramble.dev/devices';

export function renderDeviceAnnotation(grants: readonly DeviceGrant[]): Record<string, string> {
  if (grants.length === 0) return {};
  const rows = grants.map(({ name, deviceId, share, nodes }) => [name, deviceId, share, ...nodes.map(renderNode)]);
  return { [DEVICES_ANNOTATION]: JSON.stringify(rows) };
}

function renderNode({ hostPath, containerPath }: DeviceNode): string[] {
  return containerPath === undefined ? [hostPath] : [hostPath, containerPath];
}

/** What cannot be read was not written by us: no devices. */
export function parseDeviceAnnotation(container: string, annotations: Readonly<Record<string, string>>): DeviceGrant[] {
  const text = annotations[DEVICES_ANNOTATION];
  if (text === undefined) return [];
  try {
    const rows: unknown = JSON.parse(text);
    return Array.isArray(rows) ? rows.flatMap((row) => parseRow(container, row)) : [];
  } catch {
    return [];
  }
}

function parseRow(container: string, row: unknown): DeviceGrant[] {
  if (!Array.isArray(row)) return [];
  const [name, deviceId, share, ...nodes]: unknown[] = row;
  if (typeof name !== 'string' || typeof deviceId !== 'string' || typeof share !== 'number') return [];
  return [{ container, name, deviceId, share, nodes: nodes.flatMap(parseNode) }];
}

function parseNode(node: unknown): DeviceNode[] {
  if (!Array.isArray(node)) return [];
  const [hostPath, containerPath]: unknown[] = node;
  if (typeof hostPath !== 'string') return [];
  return [{ hostPath, containerPath: typeof containerPath === 'string' ? containerPath : undefined }];
}
