/** What the Linux kernel says of a process: memory, CPU time, bytes written. Rejects with ENOENT when the process is gone. */
import { readFile } from 'node:fs/promises';

export interface ProcessMemory {
  /** All resident pages, those shared with other processes (the Node binary) included. */
  rssBytes: number;
  /** The part that cannot be shared. */
  anonBytes: number;
}

/** USER_HZ of every Linux that Node supports (proc(5)). */
const CLOCK_TICK_MS = 10;

export async function readMemory(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { rssBytes: kilobytesOf(status, 'VmRSS'), anonBytes: kilobytesOf(status, 'RssAnon') };
}

function kilobytesOf(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status);
  if (match === null) throw new Error(`/proc status has no ${field}: the process has ended`);
  return Number(match[1]) * 1024;
}

/** User and system time of all its threads since its start; in steps of 10 ms. */
export async function readCpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets and may hold spaces: count fields after it (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
}

/** Bytes that the process caused to be sent to the storage layer (`write_bytes` of proc(5)). */
export async function readWrittenBytes(pid: number): Promise<number> {
  const match = /^write_bytes: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN);
}
