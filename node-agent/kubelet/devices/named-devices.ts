/**
 * Names that people give to devices: `zigbee` for a path or for `usb:<vendor>:<product>[:<serial>]`. A name for what was found
 * is one more name of it; a name for another character device makes it a device. Pure.
 */
import { DEVICE_LABEL_PREFIX, type Device, type DeviceNames, type DeviceNode } from './device.ts';

/** As a label's name, and short enough for the prefix and for an environment variable. */
const NAME = /^[a-z0-9]([-.a-z0-9]{0,48}[a-z0-9])?$/;

/** Names that a node has at most: each is a resource, a label and a line of its status. */
const MAX_NAMES = 64;

/** `name: target` a line, blank lines and `# …` between; which also is YAML. Others are left out. */
export function parseDeviceNames(text: string): DeviceNames {
  const lines = text.split('\n').map((line) => line.replace(/(^|\s)#.*$/, '').trim());
  const pairs = lines.flatMap((line) => {
    const match = /^["']?([^"'\s]+?)["']?\s*:\s+["']?([^"']+?)["']?$/.exec(line);
    return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
  });
  return keepValid(pairs);
}

/** The Node's annotations `device.bramble.dev/<name>: <target>`. */
export function readNameAnnotations(annotations: Readonly<Record<string, string>>): DeviceNames {
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(DEVICE_LABEL_PREFIX));
  return keepValid(own.map(([key, target]) => [key.slice(DEVICE_LABEL_PREFIX.length), target]));
}

function keepValid(pairs: readonly (readonly [string, string])[]): DeviceNames {
  const bare = pairs.map(([name, target]) => [name.replace(/^(device\.)?bramble\.dev\//, ''), target] as const);
  return new Map(bare.filter(([name, target]) => NAME.test(name) && isTarget(target)).slice(0, MAX_NAMES));
}

function isTarget(target: string): boolean {
  const isPath = target.startsWith('/dev/') && !target.split('/').includes('..');
  return isPath || USB.test(target);
}

const USB = /^usb:([0-9a-f]{4}):([0-9a-f]{4})(?::(.+))?$/i;

export function applyNames(
  devices: readonly Device[],
  names: DeviceNames,
  find: (path: string) => DeviceNode | undefined,
): Device[] {
  const known = devices.map((device) => {
    const own = [...names].filter(([, target]) => isMeant(device, target)).map(([name]) => name);
    return own.length === 0 ? device : { ...device, names: [...new Set([...device.names, ...own])] };
  });
  const others = [...names].filter(([, target]) => !devices.some((device) => isMeant(device, target)));
  const byTarget = Map.groupBy(others, ([, target]) => target);
  const made = [...byTarget].flatMap(([target, pairs]) => {
    const node = target.startsWith('/') ? find(target) : undefined;
    return node === undefined
      ? []
      : [
          asDevice(
            target,
            node,
            pairs.map(([name]) => name),
          ),
        ];
  });
  return [...known, ...made].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function isMeant({ id, paths, serial }: Device, target: string): boolean {
  const usb = USB.exec(target);
  if (usb === null) return paths.includes(target);
  const [, vendor = '', product = '', wanted] = usb;
  const isKind = id.startsWith(`usb-${vendor.toLowerCase()}-${product.toLowerCase()}-`);
  return isKind && (wanted === undefined || wanted === serial);
}

/** Ids of devices that nothing but their path is known of. */
export const PATH_ID_PREFIX = 'path-';

function asDevice(path: string, node: DeviceNode, names: readonly string[]): Device {
  const id = `${PATH_ID_PREFIX}${path.slice(1).replaceAll(/[^A-Za-z0-9._-]/g, '-')}`;
  return { id, names, nodes: [node], shares: 1, serial: '', paths: [path] };
}
