/**
 * Devices of the board itself: GPIO, I2C, SPI, cameras on the ribbon cable and the graphics chip. Buses are made for sharing:
 * the kernel sees to it that two programs do not have one line or one address at the same time.
 */
import type { FileTree } from '../../sensors/file-tree.ts';
import type { Device, DeviceNode } from './device.ts';

/** Containers that may have one bus, or one chip, at the same time. */
const BUS_SHARES = 8;

/** Chips behind the 40-pin header; the others switch the board's own lights and supplies. */
const HEADER_GPIO = /^(brcm,bcm2835-gpio|brcm,bcm2711-gpio|raspberrypi,rp1-gpio)$/;

/** Buses inside of graphics chips, monitors and mainboards: nothing of a user's is there. */
const INNER_I2C =
  /^(f[0-9a-f]+\.i2c|10[0-9a-f]{8}\.i2c|i915|amdgpu|nvidia|nvkm|dpddc|dpmst|dw-hdmi|smbus|designware hdmi)/i;

/** Drivers of the cameras' receivers: Pi 4 and older, Pi 5. */
const CSI_CAMERA = /^(unicam|rp1-cfe)/;

export function findBoardDevices(tree: FileTree): Device[] {
  const found = [...findGpio(tree), ...findI2c(tree), ...findSpi(tree), ...findCsiCamera(tree), ...findRender(tree)];
  return found.filter(({ nodes }) => nodes.length > 0);
}

/** One resource whichever number the header's chip has: kernels have changed it. */
function findGpio(tree: FileTree): Device[] {
  const chips = tree.list('dev').filter((name) => /^gpiochip\d+$/.test(name));
  const header = chips.filter((chip) => HEADER_GPIO.test(compatibleOf(tree, chip)));
  return (header.length > 0 ? header : chips).map((chip) => bus(tree, chip, 'gpio'));
}

function compatibleOf(tree: FileTree, chip: string): string {
  return /^OF_COMPATIBLE_0=(.+)$/m.exec(tree.read(`sys/bus/gpio/devices/${chip}/uevent`))?.[1] ?? '';
}

function findI2c(tree: FileTree): Device[] {
  const buses = tree.list('dev').filter((name) => /^i2c-\d+$/.test(name));
  const outer = buses.filter((name) => !INNER_I2C.test(tree.readLine(`sys/bus/i2c/devices/${name}/name`)));
  return outer.map((name) => bus(tree, name, name));
}

/** A chip select belongs to one chip, so to one program. */
function findSpi(tree: FileTree): Device[] {
  const selects = tree.list('dev').filter((name) => /^spidev\d+\.\d+$/.test(name));
  return selects.map((name) => ({ ...bus(tree, name, name), shares: 1 }));
}

function findRender(tree: FileTree): Device[] {
  const nodes = tree.list('dev/dri').filter((name) => /^renderD\d+$/.test(name));
  return nodes.map((name) => ({ ...bus(tree, `dri/${name}`, 'render'), id: name }));
}

function bus(tree: FileTree, file: string, name: string): Device {
  const path = `/dev/${file}`;
  return { id: file, names: [name], nodes: [nodeAt(tree, path)], shares: BUS_SHARES, serial: '', paths: [path] };
}

function nodeAt(tree: FileTree, path: string): DeviceNode {
  return { hostPath: tree.path(path), containerPath: path };
}

/** libcamera sets up the whole path from the sensor to memory: receiver, image processor, media graph and buffers. */
const CAMERA_PARTS = /^(video|media|v4l-subdev)\d+$/;
const CODEC = /^(bcm2835-codec|rpi-hevc-dec|rpivid)/;

/** All cameras on the ribbon cables are one device: they share the image processor. */
function findCsiCamera(tree: FileTree): Device[] {
  const folder = 'sys/class/video4linux';
  const nameOf = (node: string): string => tree.readLine(`${folder}/${node}/name`);
  const isUsb = (node: string): boolean => tree.resolve(`${folder}/${node}`).includes('/usb');
  const videos = tree.list(folder);
  if (!videos.some((node) => CSI_CAMERA.test(nameOf(node)))) return [];
  const foreign = new Set(videos.filter((node) => isUsb(node) || CODEC.test(nameOf(node))));
  const parts = tree.list('dev').filter((name) => CAMERA_PARTS.test(name) && !foreign.has(name));
  const buffers = tree.list('dev/dma_heap').map((name) => `dma_heap/${name}`);
  const paths = [...parts, ...buffers].map((name) => `/dev/${name}`);
  return [
    { id: 'camera', names: ['camera'], nodes: paths.map((path) => nodeAt(tree, path)), shares: 1, serial: '', paths },
  ];
}
