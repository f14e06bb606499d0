/** Devices found in the files of boards. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Device } from '../../../../node-agent/kubelet/devices/device.ts';
import { createSystemDevices } from '../../../../node-agent/kubelet/devices/system-devices.ts';
import { sleep, systemClock } from '../../../../shared/platform/clock.ts';
import { BOARDS, type BoardRoot, type Tree, type UsbOptions, usbDevice, writeBoard } from '../boards.ts';

const stops: (() => void)[] = [];
after(() => {
  for (const stop of stops) stop();
});

function open(tree: Tree) {
  const board: BoardRoot = writeBoard(tree);
  const source = createSystemDevices({ root: board.root, namesFile: undefined });
  return { board, source };
}

function scan(tree: Tree): Device[] {
  return open(tree).source.scan();
}

const summary = (tree: Tree): string[] =>
  scan(tree).map(({ id, names, shares, nodes }) => {
    const paths = nodes.map(({ hostPath }) => hostPath.replace(/^.*\/dev\//, '')).join(' ');
    return `${id} [${names.join(',')}] x${shares} ${paths}`;
  });

describe('devices of a board', () => {
  const boards: [string, Tree, string[]][] = [
    ['Pi 3', BOARDS.PI3, ['gpiochip0 [gpio] x8 gpiochip0']],
    [
      'Pi 4 with a camera',
      BOARDS.PI4,
      [
        'camera [camera] x1 media0 v4l-subdev0 video0 video13 dma_heap/linux,cma',
        'gpiochip0 [gpio] x8 gpiochip0',
        'i2c-1 [i2c-1] x8 i2c-1',
        'renderD128 [render] x8 dri/renderD128',
        'spidev0.0 [spidev0.0] x1 spidev0.0',
        'spidev0.1 [spidev0.1] x1 spidev0.1',
      ],
    ],
    ['Pi 5', BOARDS.PI5, ['gpiochip0 [gpio] x8 gpiochip0', 'i2c-1 [i2c-1] x8 i2c-1']],
    ['Zero 2 W', BOARDS.ZERO2, []],
    ['PC', BOARDS.PC, ['renderD128 [render] x8 dri/renderD128']],
    ['a machine that tells nothing', {}, []],
  ];
  for (const [name, tree, expected] of boards) it(name, () => assert.deepEqual(summary(tree), expected));
});

describe('devices on USB', () => {
  const CP2102: UsbOptions = { vendor: '10c4', product: 'ea60', serial: '0001', nodes: ['tty/ttyUSB0'] };
  const cases: [string, UsbOptions, string[]][] = [
    ['a serial dongle', CP2102, ['usb-10c4-ea60-0001 [serial,usb-10c4-ea60] x1 ttyUSB0']],
    [
      'one without a serial number is known by its socket',
      { vendor: '1a86', product: '7523', nodes: ['tty/ttyUSB0'] },
      ['usb-1a86-7523-1-1.4 [serial,usb-1a86-7523] x1 ttyUSB0'],
    ],
    [
      'a modem with several ports',
      { vendor: '12d1', product: '1001', serial: 'M 1', nodes: ['tty/ttyUSB0', 'tty/ttyUSB1'] },
      ['usb-12d1-1001-M-1 [serial,usb-12d1-1001] x1 ttyUSB0 ttyUSB1'],
    ],
    [
      'a stick of the ACM kind',
      { ...CP2102, nodes: ['tty/ttyACM0'] },
      ['usb-10c4-ea60-0001 [serial,usb-10c4-ea60] x1 ttyACM0'],
    ],
    [
      'a webcam',
      { vendor: '046d', product: '0825', nodes: ['video4linux/video0', 'video4linux/video1'] },
      ['usb-046d-0825-1-1.4 [camera,usb-046d-0825] x1 video0 video1'],
    ],
    [
      'a barcode reader',
      { vendor: '0c2e', product: '0b61', nodes: ['hidraw/hidraw0'] },
      ['usb-0c2e-0b61-1-1.4 [usb-0c2e-0b61] x1 hidraw0'],
    ],
    [
      'one that programs speak to themselves',
      { vendor: '18d1', product: '9302' },
      ['usb-18d1-9302-1-1.4 [usb-18d1-9302] x1 bus/usb/001/004'],
    ],
    ['not a hub', { vendor: '2109', product: '3431', deviceClass: '09' }, []],
    ['not a disk', { vendor: '0781', product: '5581', interfaceClass: '08' }, []],
    ['not a Bluetooth adapter', { vendor: '0a12', product: '0001', interfaceClass: 'e0' }, []],
    ['not a network adapter', { vendor: '0424', product: 'ec00', network: 'eth0' }, []],
  ];
  for (const [name, options, expected] of cases) {
    it(name, () => assert.deepEqual(summary(usbDevice('1-1.4', options)), expected));
  }
  it('several', () => {
    const tree = {
      ...usbDevice('1-1.1', CP2102),
      ...usbDevice('1-1.2', { ...CP2102, serial: '0002', nodes: ['tty/ttyUSB1'], devnum: 5 }),
    };
    assert.deepEqual(
      scan(tree).map(({ id }) => id),
      ['usb-10c4-ea60-0001', 'usb-10c4-ea60-0002'],
    );
  });
  it('a dongle is not there while its file is not', () => {
    const { board, source } = open(usbDevice('1-1.4', CP2102));
    board.remove('dev/ttyUSB0');
    board.remove('dev/bus');
    assert.deepEqual(source.scan(), []);
  });
  it('is known under its links, and shows under no number in a container', () => {
    const { board, source } = open(usbDevice('1-1.4', CP2102));
    board.write('dev/serial/by-id/usb-Silicon_Labs_CP2102-if00', { link: 'dev/ttyUSB0' });
    const [dongle] = source.scan();
    assert.deepEqual(dongle?.paths, ['/dev/ttyUSB0', '/dev/serial/by-id/usb-Silicon_Labs_CP2102-if00']);
    assert.deepEqual(dongle?.nodes, [{ hostPath: `${board.root}/dev/ttyUSB0`, containerPath: undefined }]);
  });
});

describe('hot plug', () => {
  /** The kernel tells soon; the test waits for it, not for a time. */
  async function until(check: () => boolean): Promise<void> {
    for (let turn = 0; turn < 500 && !check(); turn += 1) await sleep(systemClock, 10);
    assert.ok(check(), 'it was not noticed');
  }

  it('is noticed by the kernel’s word, also in folders that come later', async () => {
    const { board, source } = open({ 'dev/null': '', 'dev/serial/keep': '' });
    let hints = 0;
    stops.push(source.watch(() => (hints += 1)));
    board.write('dev/ttyUSB0', '');
    await until(() => hints > 0);
    board.write('dev/serial/by-id/one', { link: 'dev/ttyUSB0' });
    const before = hints;
    await until(() => hints > before);
    source.scan();
    const known = hints;
    board.remove('dev/serial/by-id/one');
    await until(() => hints > known);
  });

  it('is told of no more after its end', async () => {
    const { board, source } = open({ 'dev/null': '' });
    let hints = 0;
    source.watch(() => (hints += 1))();
    board.write('dev/ttyUSB0', '');
    await sleep(systemClock, 50);
    assert.equal(hints, 0);
  });
});
