/** Which disks may be flashed: what lsblk prints of a laptop with a card reader, a Pi and an old system. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRefusal, parseLsblk } from '../../../firmware-scripts/flash/block-devices.ts';
import {
  findBootPartition,
  PartitionTableError,
  parsePartitionTable,
} from '../../../firmware-scripts/flash/partition-table.ts';

const disk = (name: string, more: object): object => ({
  ...{
    name,
    type: 'disk',
    size: 31_914_983_424,
    rm: false,
    ro: false,
    hotplug: false,
    tran: 'usb',
    model: 'Card',
    mountpoints: [null],
  },
  ...more,
});
const part = (name: string, mountpoints: (string | null)[]): object => disk(name, { type: 'part', mountpoints });

const DEVICES = parseLsblk(
  JSON.stringify({
    blockdevices: [
      disk('/dev/nvme0n1', {
        tran: 'nvme',
        children: [part('/dev/nvme0n1p1', ['/boot/efi']), part('/dev/nvme0n1p2', ['/'])],
      }),
      disk('/dev/sda', { tran: 'sata', size: 4_000_000_000_000 }),
      disk('/dev/sdb', { rm: true, hotplug: true, children: [part('/dev/sdb1', [null])] }),
      disk('/dev/sdc', { rm: true, size: 0 }),
      disk('/dev/sdd', { rm: true, children: [part('/dev/sdd1', ['/media/me/bootfs'])] }),
      disk('/dev/sde', { rm: true, ro: true }),
      disk('/dev/sdf', { rm: '1', ro: '0', hotplug: '1', size: '31914983424' }),
      disk('/dev/zram0', { children: [part('/dev/zram0p1', ['[SWAP]'])] }),
      disk('/dev/sr0', { type: 'rom', rm: true }),
    ],
  }),
);

const TABLE: readonly [path: string, message: RegExp | undefined, overridable?: boolean][] = [
  ['/dev/sdb', undefined],
  ['/dev/sdf', undefined],
  ['/dev/nvme0n1', /runs from/, false],
  ['/dev/zram0', /runs from/, false],
  ['/dev/sda', /does not look like a card/, true],
  ['/dev/sdc', /no card in/, false],
  ['/dev/sdd', /mounted at \/media\/me\/bootfs/, true],
  ['/dev/sde', /write-protected/, false],
  ['/dev/sr0', /is a rom/, false],
  ['/dev/sdb1', /is a partition/, false],
  ['/dev/sdz', /no disk/, false],
];

for (const [path, message, overridable] of TABLE) {
  test(`${path} ${message === undefined ? 'may be flashed' : `is refused: ${message.source}`}`, () => {
    const refusal = findRefusal(DEVICES, path);
    if (message === undefined) assert.equal(refusal, undefined);
    else assert.match(refusal?.message ?? '', message);
    assert.equal(refusal?.overridable, overridable);
  });
}

test('a wrong name is answered with the cards that are there', () => {
  assert.match(findRefusal(DEVICES, '/dev/sdz')?.hint ?? '', /\/dev\/sdb, \/dev\/sdf/);
  assert.match(findRefusal(DEVICES, '/dev/sdb1')?.hint ?? '', /\/dev\/sdb$/);
});

test('what is no output of lsblk is no list of disks', () => {
  assert.throws(() => parseLsblk('{}'), SyntaxError);
  assert.throws(() => parseLsblk('lsblk: failed'), SyntaxError);
});

function sector(...entries: readonly (readonly [type: number, start: number, size: number])[]): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  for (const [index, [type, start, size]] of entries.entries()) {
    view.setUint8(446 + 16 * index + 4, type);
    view.setUint32(446 + 16 * index + 8, start, true);
    view.setUint32(446 + 16 * index + 12, size, true);
  }
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

test('the boot partition is the first FAT one', () => {
  const found = findBootPartition(parsePartitionTable(sector([0x0c, 16_384, 1_048_576], [0x83, 1_064_960, 300_000])));
  assert.deepEqual(found, { number: 1, type: 0x0c, offsetBytes: 8 * 1024 * 1024, sizeBytes: 512 * 1024 * 1024 });
});

test('what is no image of a Pi says what it is', () => {
  assert.throws(() => parsePartitionTable(new Uint8Array(512)), PartitionTableError);
  assert.throws(() => parsePartitionTable(new Uint8Array(10)), PartitionTableError);
  assert.throws(() => findBootPartition(parsePartitionTable(sector([0xee, 1, 100]))), /GPT/);
  assert.throws(() => findBootPartition(parsePartitionTable(sector([0x83, 1, 100]))), /no FAT/);
});
