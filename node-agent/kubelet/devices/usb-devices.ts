/**
 * USB devices that a pod may have, by the files of /sys and /dev. Left out is what the system itself uses: hubs, network
 * adapters, disks and Bluetooth. Source: the kernel's Documentation/ABI/testing/sysfs-bus-usb, usb.ids.
 */
import type { FileTree } from '../../sensors/file-tree.ts';
import type { Device } from './device.ts';

/** A file of /dev that belongs to a USB device. */
interface ClassNode {
  subsystem: string;
  path: string;
}

const USB_FOLDER = 'sys/bus/usb/devices';

/** `1-1.4`: bus and ports. Interfaces have a colon, root hubs are called usb1. */
const PORT = /^\d+-\d+(\.\d+)*$/;
const PORT_IN_PATH = /\/(\d+-\d+(?:\.\d+)*)(?:\/|$)/g;

const HUB_CLASS = '09';
/** Mass storage and wireless controllers. */
const SYSTEM_INTERFACES: readonly string[] = ['08', 'e0'];

/** Folders of /sys/class whose devices are files that a program opens. */
const CLASSES = ['tty', 'video4linux', 'hidraw', 'usbmisc'] as const;

/** Serial dongles, whichever driver they have. */
const SERIAL_NAME = /^tty(USB|ACM)\d+$/;

export function findUsbDevices(tree: FileTree): Device[] {
  const nodes = findClassNodes(tree);
  const network = new Set(tree.list('sys/class/net').map((name) => portOf(tree.resolve(`sys/class/net/${name}`))));
  const ports = tree.list(USB_FOLDER).filter((name) => PORT.test(name) && !network.has(name));
  return ports.filter((port) => !isSystem(tree, port)).flatMap((port) => describe(tree, port, nodes.get(port) ?? []));
}

/** Port of the innermost USB device on a path of /sys. */
function portOf(path: string): string | undefined {
  return Array.from(path.matchAll(PORT_IN_PATH)).at(-1)?.[1];
}

function findClassNodes(tree: FileTree): Map<string, ClassNode[]> {
  const found = CLASSES.flatMap((subsystem) =>
    tree.list(`sys/class/${subsystem}`).flatMap((name) => {
      if (subsystem === 'tty' && !SERIAL_NAME.test(name)) return [];
      const port = portOf(tree.resolve(`sys/class/${subsystem}/${name}/device`));
      const path = nodePath(tree, `sys/class/${subsystem}/${name}`) ?? `/dev/${name}`;
      return port !== undefined && tree.exists(path.slice(1)) ? [{ port, subsystem, path }] : [];
    }),
  );
  return Map.groupBy(found, ({ port }) => port);
}

/** DEVNAME of the device's uevent: `ttyUSB0`, `usb/lp0`. */
export function nodePath(tree: FileTree, folder: string): string | undefined {
  const name = /^DEVNAME=(.+)$/m.exec(tree.read(`${folder}/uevent`))?.[1];
  return name === undefined ? undefined : `/dev/${name}`;
}

function isSystem(tree: FileTree, port: string): boolean {
  if (tree.readLine(`${USB_FOLDER}/${port}/bDeviceClass`) === HUB_CLASS) return true;
  const interfaces = tree.list(USB_FOLDER).filter((name) => name.startsWith(`${port}:`));
  return interfaces.some((name) => SYSTEM_INTERFACES.includes(tree.readLine(`${USB_FOLDER}/${name}/bInterfaceClass`)));
}

function describe(tree: FileTree, port: string, nodes: readonly ClassNode[]): Device[] {
  const read = (name: string): string => tree.readLine(`${USB_FOLDER}/${port}/${name}`);
  const [vendor, product, serial] = [read('idVendor'), read('idProduct'), read('serial')];
  if (vendor === '' || product === '') return [];
  const kind = `usb-${vendor}-${product}`;
  const own = nodes.length > 0 ? nodes : rawNode(tree, read('busnum'), read('devnum'));
  if (own.length === 0) return [];
  const isSerial = own.some(({ subsystem }) => subsystem === 'tty');
  const isCamera = own.some(({ subsystem }) => subsystem === 'video4linux');
  const paths = own.map(({ path }) => path);
  return [
    {
      id: `${kind}-${idPart(serial) || port}`,
      names: [...(isSerial ? ['serial'] : []), ...(isCamera ? ['camera'] : []), kind],
      // The number of a tty says in which order dongles were plugged in; nothing in a container should depend on it.
      nodes: own.map(({ subsystem, path }) => ({
        hostPath: tree.path(path),
        containerPath: subsystem === 'tty' ? undefined : path,
      })),
      shares: 1,
      serial,
      paths: [...paths, ...linksTo(tree, paths)],
    },
  ];
}

/** For programs that speak USB themselves (libusb): `/dev/bus/usb/001/004`. */
function rawNode(tree: FileTree, bus: string, device: string): ClassNode[] {
  const path = `/dev/bus/usb/${bus.padStart(3, '0')}/${device.padStart(3, '0')}`;
  return tree.exists(path.slice(1)) ? [{ subsystem: 'usb', path }] : [];
}

function idPart(serial: string): string {
  return serial.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 64);
}

/** Folders in which udev puts links with lasting names. */
export const LINK_FOLDERS = ['dev/serial/by-id', 'dev/serial/by-path', 'dev/v4l/by-id'] as const;

export function linksTo(tree: FileTree, paths: readonly string[]): string[] {
  const targets = new Set(paths.map((path) => tree.resolve(path.slice(1))));
  return LINK_FOLDERS.flatMap((folder) =>
    tree.list(folder).flatMap((name) => (targets.has(tree.resolve(`${folder}/${name}`)) ? [`/${folder}/${name}`] : [])),
  );
}
