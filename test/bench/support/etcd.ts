/**
 * etcd as the store's peer: Debian's binary on loopback, spoken to by gRPC over one HTTP/2 connection. The four bytes of
 * protobuf that a put needs are written by hand; a gRPC library would be the slowest part of the measurement.
 */
import { execFile } from 'node:child_process';
import { type ClientHttp2Session, connect } from 'node:http2';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePorts } from '../../support/cluster.ts';
import type { BenchContext } from '../bench.ts';
import { type Child, startChild } from './child.ts';

export interface Etcd {
  version: string;
  pid: number;
  put(key: string, value: string): Promise<void>;
  stop(): Promise<void>;
}

/** undefined when the program is not installed (Debian's package etcd-server). */
export async function startEtcd({ clock, directory }: BenchContext): Promise<Etcd | undefined> {
  const version = await etcdVersion();
  if (version === undefined) return undefined;
  const [clientPort, peerPort] = await findFreePorts(2);
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const flags = {
    'data-dir': join(directory, 'etcd'),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const ready = /ready to serve client requests|serving insecure client requests/;
  const child = await startChild({ clock, command: 'etcd', args, ready });
  return createPeer(version, child, connect(client));
}

async function etcdVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('etcd', ['--version']);
    return /etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function createPeer(version: string, child: Child, session: ClientHttp2Session): Etcd {
  return {
    version,
    pid: child.pid,
    put: (key, value) => put(session, key, value),
    async stop() {
      session.destroy();
      await child.stop();
    },
  };
}

function put(session: ClientHttp2Session, key: string, value: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.KV/Put',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status: unknown;
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.on('error', reject);
    stream.on('close', () => (status === '0' ? resolve() : reject(new Error(`etcd answered with status ${status}`))));
    stream.resume();
    stream.end(frame(Buffer.concat([field(1, key), field(2, value)])));
  });
}

/** A length-prefixed gRPC message, not compressed. */
function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** A protobuf field of bytes. */
function field(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
