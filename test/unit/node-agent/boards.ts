/**
 * Boards as their kernels show them: small trees of /proc, /sys and /dev, written into a folder. Contents follow what these
 * models print; links are links, as devices are found by where they lead to.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Content of a file, or where a link leads to (relative to the root). */
export type Entry = string | Uint8Array | { link: string };
export type Tree = Readonly<Record<string, Entry>>;

export interface BoardRoot {
  root: string;
  write(path: string, entry: Entry): void;
  remove(path: string): void;
}

const base = mkdtempSync(join(tmpdir(), 'bramble-boards-'));
// Files that share a process share the folder: it goes with the process.
process.once('exit', () => rmSync(base, { recursive: true, force: true }));
let count = 0;

export function writeBoard(tree: Tree): BoardRoot {
  count += 1;
  const root = join(base, String(count));
  mkdirSync(root);
  const write = (path: string, entry: Entry): void => {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof entry === 'string' || entry instanceof Uint8Array) writeFileSync(target, entry);
    else symlinkSync(join(root, entry.link), target);
  };
  for (const [path, entry] of Object.entries(tree)) write(path, entry);
  return { root, write, remove: (path) => rmSync(join(root, path), { recursive: true, force: true }) };
}

export function stat(busy: number, idle: number, cpus = 4): string {
  const each = Array.from({ length: cpus }, (_, index) => `cpu${index} 1 0 0 1`).join('\n');
  return `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\n${each}\nintr 1\n`;
}

/** AT_PAGESZ among the other words of the auxiliary vector. */
export function auxv(pageSizeBytes: bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array([33n, 1n, 6n, pageSizeBytes, 0n, 0n]).buffer);
}

function common(totalKb: number, availableKb: number): Tree {
  return {
    'proc/stat': stat(100, 900),
    'proc/meminfo': `MemTotal:       ${totalKb} kB\nMemFree:          100000 kB\nMemAvailable:   ${availableKb} kB\n`,
    'proc/loadavg': '0.52 0.58 0.59 1/180 1234\n',
    'proc/self/auxv': auxv(4096n),
    'proc/sys/kernel/random/boot_id': 'boot-1\n',
    'proc/sys/kernel/osrelease': '6.12.25+rpt-rpi-v8\n',
    'proc/sys/kernel/pid_max': '32768\n',
    'proc/sys/kernel/threads-max': '60000\n',
    'etc/machine-id': '0123456789abcdef\n',
    'etc/os-release': 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
  };
}

function raspberry(model: string, serial: string, celsius: string): Tree {
  return {
    'proc/device-tree/model': `${model}\0`,
    'proc/device-tree/serial-number': `${serial}\0`,
    'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
    'sys/class/thermal/thermal_zone0/temp': `${celsius}\n`,
    'sys/block/mmcblk0/stat': '  5000 100 200000 900  3000 400 1048576 800 0 700 1700\n',
    'sys/block/zram0/stat': '  1 0 0 0  1 0 99999 0 0 0 0\n',
    'sys/block/loop0/stat': '  1 0 0 0  1 0 99999 0 0 0 0\n',
  };
}

const WIFI: Tree = {
  'proc/net/dev': [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo: 5000000    1000    0    0    0     0          0         0  5000000    1000    0    0    0     0       0          0',
    ' wlan0: 123456789 1000    0    0    0     0          0         0 9876543    1000    0    0    0     0       0          0',
    'docker0: 777       10    0    0    0     0          0         0      777      10    0    0    0     0       0          0',
    'veth12ab: 888      10    0    0    0     0          0         0      888      10    0    0    0     0       0          0',
    '',
  ].join('\n'),
  'proc/net/wireless': [
    'Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE',
    ' face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22',
    ' wlan0: 0000   56.  -54.  -256        0      0      0      0     12        0',
    '',
  ].join('\n'),
};

const ETHERNET: Tree = {
  'proc/net/dev':
    'Inter-|\n face |\n  eth0: 1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n',
  'proc/net/wireless': 'Inter-| sta-|\n face | tus |\n',
};

const gpioChip = (name: string, compatible: string): Tree => ({
  [`dev/${name}`]: '',
  [`sys/bus/gpio/devices/${name}/uevent`]: `OF_NAME=gpio\nOF_COMPATIBLE_0=${compatible}\nMAJOR=254\nDEVNAME=${name}\n`,
});

const i2cBus = (name: string, description: string): Tree => ({
  [`dev/${name}`]: '',
  [`sys/bus/i2c/devices/${name}/name`]: `${description}\n`,
});

const PI3: Tree = {
  ...common(949_000, 500_000),
  ...raspberry('Raspberry Pi 3 Model B Plus Rev 1.3', '00000000abcdef01', '55312'),
  ...ETHERNET,
  'sys/devices/platform/soc/soc:firmware/get_throttled': '80008\n',
  'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
  'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '0\n',
  ...gpioChip('gpiochip0', 'brcm,bcm2835-gpio'),
  ...gpioChip('gpiochip1', 'raspberrypi,firmware-gpio'),
};

const PI4: Tree = {
  ...common(3_884_000, 2_000_000),
  ...raspberry('Raspberry Pi 4 Model B Rev 1.4', '10000000abcdef02', '48200'),
  ...ETHERNET,
  'sys/devices/platform/soc/soc:firmware/get_throttled': '0\n',
  'sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
  'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
  'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n',
  ...gpioChip('gpiochip0', 'brcm,bcm2711-gpio'),
  ...gpioChip('gpiochip1', 'raspberrypi,firmware-gpio'),
  ...i2cBus('i2c-1', 'bcm2835 (i2c@7e804000)'),
  ...i2cBus('i2c-20', 'fef04500.i2c'),
  'dev/spidev0.0': '',
  'dev/spidev0.1': '',
  'dev/dri/card0': '',
  'dev/dri/renderD128': '',
  'sys/class/video4linux/video0/name': 'unicam-image\n',
  'sys/class/video4linux/video10/name': 'bcm2835-codec-decode\n',
  'sys/class/video4linux/video13/name': 'bcm2835-isp-output0\n',
  'dev/video0': '',
  'dev/video10': '',
  'dev/video13': '',
  'dev/media0': '',
  'dev/v4l-subdev0': '',
  'dev/dma_heap/linux,cma': '',
};

const PI5: Tree = {
  ...common(8_245_000, 7_000_000),
  ...raspberry('Raspberry Pi 5 Model B Rev 1.0', '1000000012345678', '54321'),
  ...ETHERNET,
  'proc/self/auxv': auxv(16_384n),
  'sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled': '50005\n',
  ...gpioChip('gpiochip0', 'raspberrypi,rp1-gpio'),
  ...gpioChip('gpiochip10', 'brcm,brcmstb-gpio'),
  ...i2cBus('i2c-1', 'Synopsys DesignWare I2C adapter'),
  ...i2cBus('i2c-13', '107d508200.i2c'),
  'sys/block/nvme0n1/stat': '1 0 0 0 1 0 2048 0 0 0 0\n',
};

const ZERO2: Tree = {
  ...common(429_000, 200_000),
  ...raspberry('Raspberry Pi Zero 2 W Rev 1.0', '00000000deadbeef', '41000'),
  ...WIFI,
  'sys/devices/platform/soc/soc:firmware/get_throttled': '0\n',
};

/** Ubuntu's kernel has neither the firmware's file nor the alarm. */
const UBUNTU: Tree = {
  ...common(3_884_000, 2_000_000),
  ...raspberry('Raspberry Pi 4 Model B Rev 1.4', '10000000abcdef03', '79000'),
  ...ETHERNET,
  'etc/os-release': 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\n',
  'sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq': '1800000\n',
  'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq': '1200000\n',
};

const PC: Tree = {
  ...common(16_000_000, 9_000_000),
  ...ETHERNET,
  'sys/class/dmi/id/sys_vendor': 'Acme\n',
  'sys/class/dmi/id/product_name': 'Box 3000\n',
  'sys/class/dmi/id/product_uuid': 'UUID-1\n',
  'sys/class/thermal/thermal_zone0/type': 'acpitz\n',
  'sys/class/thermal/thermal_zone0/temp': '20000\n',
  'sys/class/thermal/thermal_zone1/type': 'x86_pkg_temp\n',
  'sys/class/thermal/thermal_zone1/temp': '61000\n',
  ...i2cBus('i2c-0', 'SMBus I801 adapter at f040'),
  ...i2cBus('i2c-1', 'i915 gmbus dpa'),
  'dev/dri/renderD128': '',
};

export const BOARDS = { PI3, PI4, PI5, ZERO2, UBUNTU, PC } as const;

export interface UsbOptions {
  vendor: string;
  product: string;
  serial?: string;
  deviceClass?: string;
  interfaceClass?: string;
  /** `tty/ttyUSB0`, `hidraw/hidraw0`, `video4linux/video0`: files of the device. */
  nodes?: readonly string[];
  /** Name of the network interface. */
  network?: string;
  devnum?: number;
}

/** A device on `port`, `1-1.4`, as sysfs shows it. */
export function usbDevice(port: string, options: UsbOptions): Tree {
  const {
    vendor,
    product,
    serial,
    deviceClass = '00',
    interfaceClass = 'ff',
    nodes = [],
    network,
    devnum = 4,
  } = options;
  const home = `sys/devices/platform/usb1/${port}`;
  const own = nodes.flatMap((node): [string, Entry][] => {
    const [subsystem = '', name = ''] = node.split('/');
    const at = `${home}/${port}:1.0/${subsystem === 'tty' ? `${name}/` : ''}${subsystem}/${name}`;
    return [
      [`${at}/uevent`, `MAJOR=1\nDEVNAME=${name}\n`],
      [`${at}/device`, { link: `${home}/${port}:1.0` }],
      [`sys/class/${subsystem}/${name}`, { link: at }],
      [`dev/${name}`, ''],
    ];
  });
  return {
    [`${home}/idVendor`]: `${vendor}\n`,
    [`${home}/idProduct`]: `${product}\n`,
    ...(serial === undefined ? {} : { [`${home}/serial`]: `${serial}\n` }),
    [`${home}/bDeviceClass`]: `${deviceClass}\n`,
    [`${home}/busnum`]: '1\n',
    [`${home}/devnum`]: `${devnum}\n`,
    [`${home}/${port}:1.0/bInterfaceClass`]: `${interfaceClass}\n`,
    [`sys/bus/usb/devices/${port}`]: { link: home },
    [`sys/bus/usb/devices/${port}:1.0`]: { link: `${home}/${port}:1.0` },
    [`dev/bus/usb/001/${String(devnum).padStart(3, '0')}`]: '',
    ...Object.fromEntries(own),
    ...(network === undefined
      ? {}
      : {
          [`${home}/${port}:1.0/net/${network}/address`]: '00:00\n',
          [`sys/class/net/${network}`]: { link: `${home}/${port}:1.0/net/${network}` },
        }),
  };
}
