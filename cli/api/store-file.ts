/**
 * A file of the store, judged without opening it as a database: whether it is ours, and whole.
 * Source: SQLite's database file format, section 1.3 (the database header).
 */
import { EXIT, Failure } from '../failure.ts';

export const HEADER_BYTES = 100;

const MAGIC = 'SQLite format 3\0';

/** `Bram`, as the master writes it into its store. */
const APPLICATION_ID = 0x4272616d;

/** Versions of the store's tables that this release reads. */
const SCHEMA_VERSIONS = [1];

/** Throws a Failure that says what is wrong. */
export function checkStoreFile(path: string, header: Buffer, fileBytes: number): void {
  const wrong = (why: string): Failure =>
    new Failure(EXIT.input, `${path} ${why}`, 'bramble snapshot list says which there are');
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw wrong('is no snapshot');
  if (header.readUInt32BE(68) !== APPLICATION_ID) throw wrong('is a database, but not one of Bramble');
  const version = header.readUInt32BE(60);
  if (!SCHEMA_VERSIONS.includes(version)) throw wrong(`is of version ${version}, which this release does not read`);
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  if (header.readUInt32BE(28) * pageBytes !== fileBytes) throw wrong('is cut off or damaged: its size does not fit');
}
