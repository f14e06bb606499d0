/** Where the last assignment lies: small files, each replaced as a whole. The simulation keeps them in memory. */
export interface AssignmentDisk {
  /** Every file by name, as far as it can be read. Rejects when the disk cannot be read at all. */
  readAll(): Promise<ReadonlyMap<string, Uint8Array>>;
  /**
   * Gives these files these contents; undefined removes one. Resolves when all of it would outlive a power cut. After a cut
   * in between, each file is as before or as wanted, never a mixture. Rejects when the disk refuses.
   */
  apply(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>;
}

/** A Secret of 1 MiB in base64, and room. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024;

/** Pods of a board, what they name, and later its Services. */
export const MAX_FILES = 4_096;

export const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
