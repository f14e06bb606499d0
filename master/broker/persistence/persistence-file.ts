/**
 * The broker's own SQLite file: retained messages and sessions that outlive a restart (adapter over better-sqlite3). It is
 * read once, at the start, and written in batches. `synchronous=NORMAL`: after a power cut the batches that
 * Linux had not yet written may be missing (docs/mqtt.md), the file is whole. An fsync is spent per checkpoint and at the end,
 * and not per batch, for the card's sake.
 */
import { chmodSync, closeSync, openSync, renameSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { PublishRecord, RetainedRecord, StoredPacket } from './stored-packet.ts';

export interface StoredSubscription {
  topic: string;
  qos: number;
}

export interface StoredSession {
  clientId: string;
  /** User who made it; nobody else may take it over. */
  owner: string;
  subscriptions: readonly StoredSubscription[];
}

export interface StoredDelivery {
  seq: number;
  clientId: string;
  packet: StoredPacket;
}

export interface StoredReceipt {
  clientId: string;
  packet: PublishRecord;
}

export interface FileContents {
  retained: RetainedRecord[];
  sessions: StoredSession[];
  /** In the order of their numbers. */
  deliveries: StoredDelivery[];
  /** QoS 2 messages whose release is awaited. */
  receipts: StoredReceipt[];
}

/** What is different since the last batch; undefined: gone. */
export interface FileChanges {
  retained: ReadonlyMap<string, RetainedRecord | undefined>;
  sessions: ReadonlyMap<string, StoredSession | undefined>;
  deliveries: ReadonlyMap<number, StoredDelivery | undefined>;
  /** By client id: all of them. */
  receipts: ReadonlyMap<string, readonly PublishRecord[]>;
}

export interface PersistenceFile {
  read(): FileContents;
  /** All or nothing. Throws SQLite's error, for example when the disk is full. */
  write(changes: FileChanges): void;
  /** A whole copy of what is written, by SQLite's backup API: a few pages a turn, while writes go on. */
  copyTo(path: string): Promise<void>;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, qos INTEGER, payload BLOB) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS session (client TEXT PRIMARY KEY, owner TEXT, subscriptions TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS delivery (seq INTEGER PRIMARY KEY, client TEXT, packet TEXT, payload BLOB);
  CREATE TABLE IF NOT EXISTS receipt (client TEXT, id INTEGER, packet TEXT, payload BLOB, PRIMARY KEY (client, id)) WITHOUT ROWID;
`;

/** Pages of the log between checkpoints: one fsync a megabyte. */
const CHECKPOINT_PAGES = 1_024;

/** Pages of 1 KB that are copied before messages have their turn. */
const PAGES_PER_TURN = 256;

/** A file that a card has damaged is put aside and a new one begun: the house loses what it held, not its master. */
export function openPersistenceFile(
  path: string,
  onDamaged: (aside: string) => void = () => undefined,
): PersistenceFile {
  try {
    return openFile(path);
  } catch (error) {
    if (!isDamage(error) || path === ':memory:') throw error;
    const aside = `${path}.damaged`;
    renameSync(path, aside);
    for (const ending of ['-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
    onDamaged(aside);
    return openFile(path);
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code);
}

function openFile(path: string): PersistenceFile {
  const db = new Database(path);
  if (path !== ':memory:') chmodSync(path, 0o600);
  db.pragma('page_size = 1024');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.exec(SCHEMA);
  const file = new SqliteFile(db);
  // Damage shows when it is read, not when it is opened.
  file.read();
  return file;
}

interface RetainedRow {
  topic: string;
  qos: number;
  payload: Buffer | string;
}

interface PacketRow {
  client: string;
  packet: string;
  payload: Buffer | string;
}

class SqliteFile implements PersistenceFile {
  readonly #db: Database.Database;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#statements = prepare(db);
  }

  read(): FileContents {
    const all = <T>(sql: string): T[] => this.#db.prepare<[], T>(sql).all();
    return {
      retained: all<RetainedRow>('SELECT * FROM retained').map(readRetained),
      sessions: all<{ client: string; owner: string; subscriptions: string }>('SELECT * FROM session').map(
        ({ client, owner, subscriptions }) => ({ clientId: client, owner, subscriptions: JSON.parse(subscriptions) }),
      ),
      deliveries: all<PacketRow & { seq: number }>('SELECT * FROM delivery ORDER BY seq').map((row) => ({
        seq: row.seq,
        clientId: row.client,
        packet: readPacket(row),
      })),
      receipts: all<PacketRow>('SELECT * FROM receipt').map((row) => ({
        clientId: row.client,
        packet: readPacket(row),
      })),
    };
  }

  write(changes: FileChanges): void {
    this.#db.transaction(() => this.#writeAll(changes))();
  }

  async copyTo(path: string): Promise<void> {
    rmSync(path, { force: true });
    closeSync(openSync(path, 'wx', 0o600));
    await this.#db.backup(path, { progress: () => PAGES_PER_TURN });
  }

  close(): void {
    this.#db.close();
  }

  #writeAll({ retained, sessions, deliveries, receipts }: FileChanges): void {
    const run = this.#statements;
    for (const [topic, packet] of retained) {
      if (packet === undefined) run.dropRetained.run(topic);
      else run.putRetained.run(topic, packet.qos ?? 0, packet.payload);
    }
    for (const [client, session] of sessions) {
      if (session === undefined) run.dropSession.run(client);
      else run.putSession.run(client, session.owner, JSON.stringify(session.subscriptions));
    }
    for (const [seq, delivery] of deliveries) {
      if (delivery === undefined) run.dropDelivery.run(seq);
      else run.putDelivery.run(seq, delivery.clientId, ...packetColumns(delivery.packet));
    }
    for (const [client, packets] of receipts) {
      run.dropReceipts.run(client);
      for (const packet of packets) run.putReceipt.run(client, packet.messageId ?? 0, ...packetColumns(packet));
    }
  }
}

function prepare(db: Database.Database) {
  return {
    putRetained: db.prepare('INSERT OR REPLACE INTO retained VALUES (?, ?, ?)'),
    dropRetained: db.prepare('DELETE FROM retained WHERE topic = ?'),
    putSession: db.prepare('INSERT OR REPLACE INTO session VALUES (?, ?, ?)'),
    dropSession: db.prepare('DELETE FROM session WHERE client = ?'),
    putDelivery: db.prepare('INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?)'),
    dropDelivery: db.prepare('DELETE FROM delivery WHERE seq = ?'),
    putReceipt: db.prepare('INSERT OR REPLACE INTO receipt VALUES (?, ?, ?, ?)'),
    dropReceipts: db.prepare('DELETE FROM receipt WHERE client = ?'),
  };
}

function readRetained({ topic, qos, payload }: RetainedRow): RetainedRecord {
  return { cmd: 'publish', topic, payload, qos, retain: true };
}

/** The payload is bytes of anybody: it has a column of its own. */
function packetColumns(packet: StoredPacket): [string, Buffer | string | null] {
  if (packet.cmd === 'pubrel') return [JSON.stringify(packet), null];
  const { payload, ...rest } = packet;
  return [JSON.stringify(rest), payload];
}

/** Rows are written by `packetColumns` alone. */
function readPacket<T extends StoredPacket>({ packet, payload }: PacketRow): T {
  const fields = JSON.parse(packet);
  return fields.cmd === 'pubrel' ? fields : { messageId: undefined, ...fields, payload };
}
