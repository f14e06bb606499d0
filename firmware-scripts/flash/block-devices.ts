/** Which disks of this machine may be flashed, and why the others may not. Pure, over what lsblk prints. */

import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';

export interface BlockDevice {
  path: string;
  type: string;
  sizeBytes: number;
  removable: boolean;
  readOnly: boolean;
  model: string;
  transport: string;
  mountPoints: readonly string[];
  children: readonly BlockDevice[];
}

export const LSBLK_ARGS = [
  '--json',
  '--bytes',
  '--paths',
  '--output',
  'NAME,TYPE,SIZE,RM,RO,HOTPLUG,TRAN,MODEL,MOUNTPOINTS',
];

/** Throws SyntaxError for what is no output of lsblk. */
export function parseLsblk(text: string): BlockDevice[] {
  const parsed: unknown = JSON.parse(text);
  const devices = isJsonObject(parsed) ? parsed['blockdevices'] : undefined;
  if (!Array.isArray(devices)) throw new SyntaxError('lsblk printed no list of devices');
  return devices.filter(isJsonObject).map(readDevice);
}

function readDevice(entry: JsonObject): BlockDevice {
  const { mountpoints, children } = entry;
  return {
    path: text(entry['name']),
    type: text(entry['type']),
    sizeBytes: Number(entry['size'] ?? 0),
    removable: isTrue(entry['rm']) || isTrue(entry['hotplug']),
    readOnly: isTrue(entry['ro']),
    model: text(entry['model']).trim(),
    transport: text(entry['tran']),
    mountPoints: Array.isArray(mountpoints) ? mountpoints.filter((point) => typeof point === 'string') : [],
    children: Array.isArray(children) ? children.filter(isJsonObject).map(readDevice) : [],
  };
}

export interface Refusal {
  message: string;
  hint: string;
  /** May be overruled by telling it twice. */
  overridable: boolean;
}

/** Larger than any card: it is somebody's disk, whatever it says of itself. */
const LARGEST_CARD_BYTES = 2_200_000_000_000;

/** Undefined: it may be flashed. The most serious reason comes first. */
export function findRefusal(devices: readonly BlockDevice[], path: string): Refusal | undefined {
  const device = devices.find((each) => each.path === path);
  if (device === undefined) return refuseUnknown(devices, path);
  const points = allMountPoints(device);
  if (points.some(isSystemMount)) {
    return {
      message: `${path} is the disk that this machine runs from`,
      hint: 'name the card: lsblk lists all disks',
      overridable: false,
    };
  }
  if (device.type !== 'disk' && device.type !== 'loop') {
    return {
      message: `${path} is a ${device.type}, not a disk`,
      hint: 'name the card: lsblk lists all disks',
      overridable: false,
    };
  }
  if (device.sizeBytes === 0)
    return { message: `there is no card in ${path}`, hint: 'put one in, then try again', overridable: false };
  if (device.readOnly) {
    return {
      message: `${path} is write-protected`,
      hint: "move the card's little switch, then try again",
      overridable: false,
    };
  }
  if (points.length > 0) {
    const hint = `umount ${points.join(' ')}, then try again; or add --force`;
    return { message: `${path} is in use: mounted at ${points.join(', ')}`, hint, overridable: true };
  }
  if (!device.removable || device.sizeBytes > LARGEST_CARD_BYTES) {
    return {
      message: `${path} (${describeDevice(device)}) does not look like a card`,
      hint: 'if it really is the right one, add --force',
      overridable: true,
    };
  }
  return undefined;
}

function refuseUnknown(devices: readonly BlockDevice[], path: string): Refusal {
  const disk = devices.find(({ children }) => children.some((child) => child.path === path));
  if (disk !== undefined) {
    return { message: `${path} is a partition`, hint: `name the whole disk: ${disk.path}`, overridable: false };
  }
  const cards = devices.filter((device) => findRefusal(devices, device.path) === undefined);
  const hint =
    cards.length === 0 ? 'no card is in this machine' : `cards: ${cards.map(({ path: card }) => card).join(', ')}`;
  return { message: `there is no disk ${path}`, hint, overridable: false };
}

/** `SanDisk Ultra, 31.9 GB, usb`. */
export function describeDevice({ model, sizeBytes, transport }: BlockDevice): string {
  return [model, `${(sizeBytes / 1_000_000_000).toFixed(1)} GB`, transport].filter((part) => part !== '').join(', ');
}

function allMountPoints(device: BlockDevice): string[] {
  return [...device.mountPoints, ...device.children.flatMap(allMountPoints)];
}

function isSystemMount(point: string): boolean {
  return ['/', '/usr', '/var', '/home', '/etc', '[SWAP]'].includes(point) || point.startsWith('/boot');
}

/** Older versions of lsblk print `"1"` where newer ones print true. */
function isTrue(value: unknown): boolean {
  return value === true || value === '1' || value === 1;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
