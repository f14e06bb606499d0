/** Reads the partition table (MBR) that Raspberry Pi images start with. Bytes in, no device touched. */

export const SECTOR_BYTES = 512;

export interface Partition {
  /** 1 for the first. */
  number: number;
  type: number;
  offsetBytes: number;
  sizeBytes: number;
}

export class PartitionTableError extends Error {
  override readonly name = 'PartitionTableError';
}

const TABLE_OFFSET = 446;
const ENTRY_BYTES = 16;
const ENTRIES = 4;

/** FAT16 and FAT32, by cylinders or by sectors. */
const FAT_TYPES: readonly number[] = [0x06, 0x0b, 0x0c, 0x0e];
const GPT_PROTECTIVE = 0xee;

/** Source: the classical layout of a master boot record; four entries of 16 bytes at byte 446, then 55 AA. */
export function parsePartitionTable(sector: Uint8Array): Partition[] {
  if (sector.length < SECTOR_BYTES || sector[510] !== 0x55 || sector[511] !== 0xaa) {
    throw new PartitionTableError('there is no partition table at its start: it is not an image of a whole card');
  }
  const view = new DataView(sector.buffer, sector.byteOffset, sector.byteLength);
  return Array.from({ length: ENTRIES }, (_, index) => {
    const at = TABLE_OFFSET + index * ENTRY_BYTES;
    return {
      number: index + 1,
      type: view.getUint8(at + 4),
      offsetBytes: view.getUint32(at + 8, true) * SECTOR_BYTES,
      sizeBytes: view.getUint32(at + 12, true) * SECTOR_BYTES,
    };
  }).filter(({ type, sizeBytes }) => type !== 0 && sizeBytes > 0);
}

/** The boot partition: the first FAT one. */
export function findBootPartition(partitions: readonly Partition[]): Partition {
  const boot = partitions.find(({ type }) => FAT_TYPES.includes(type));
  if (boot !== undefined) return boot;
  const gpt = partitions.some(({ type }) => type === GPT_PROTECTIVE);
  throw new PartitionTableError(
    gpt
      ? 'it has a GPT partition table: images for Raspberry Pis have an MBR'
      : 'it has no FAT boot partition: it is not an image for Raspberry Pis',
  );
}
