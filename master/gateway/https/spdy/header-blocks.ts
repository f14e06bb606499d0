/**
 * Header blocks of one SPDY connection: names and values, compressed in one go over the whole life of the connection, each
 * direction with the dictionary of the protocol. Invariant: blocks are read in the order in which they came.
 * Source: SPDY protocol draft 3.1, section 2.6.10.
 */
import { once } from 'node:events';
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { SpdyError } from './frames.ts';

/** What kubectl sends has some 60 bytes; unpacked, so that nobody fills the memory with zeros. */
const MAX_BLOCK_BYTES = 16 * 1024;

/** The dictionary is a list of words, each behind its length, and a text. */
const WORDS =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow ' +
  'authorization cache-control connection content-base content-encoding content-language content-length content-location ' +
  'content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match ' +
  'if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range ' +
  'referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method ' +
  'get status';
const PHRASES = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'];
const CODES =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden' +
  '404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable';
const REST =
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,' +
  'publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

export function spdyDictionary(): Uint8Array {
  const words = [...WORDS.split(' '), ...PHRASES].flatMap((text) => [lengthOf(text), Buffer.from(text)]);
  return Buffer.concat([...words, Buffer.from(CODES + REST)]);
}

function lengthOf(text: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(text.length, 0);
  return bytes;
}

export class HeaderBlocks {
  readonly #inflate: Inflate;
  readonly #deflate: Deflate;

  constructor() {
    const dictionary = spdyDictionary();
    this.#inflate = createInflate({ dictionary });
    this.#deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
    // Told where a block is read; afterwards there is nobody to tell.
    this.#inflate.on('error', () => undefined);
  }

  /** Rejects with SpdyError. Lower-case names. */
  async read(block: Uint8Array): Promise<Readonly<Record<string, string>>> {
    return parseHeaders(await this.#unpack(block));
  }

  /** A block without headers: all that a server has to say here. */
  async empty(): Promise<Uint8Array> {
    const packed = once(this.#deflate, 'data');
    this.#deflate.write(Buffer.alloc(4));
    return (await packed)[0];
  }

  close(): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
  }

  #unpack(block: Uint8Array): Promise<Buffer> {
    const inflate = this.#inflate;
    const chunks: Buffer[] = [];
    let size = 0;
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        inflate.off('data', take).off('error', fail);
        if (error) reject(error);
        else resolve(Buffer.concat(chunks));
      };
      const fail = (): void => settle(new SpdyError('a header block cannot be unpacked'));
      const take = (chunk: Buffer): void => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_BLOCK_BYTES) inflate.destroy(new SpdyError('a header block is too large'));
      };
      inflate.on('data', take).on('error', fail);
      inflate.write(block, () => settle());
    });
  }
}

/** A count, then names and values, each behind its length. */
export function parseHeaders(bytes: Buffer): Readonly<Record<string, string>> {
  let at = 0;
  const number = (): number => {
    if (at + 4 > bytes.length) throw new SpdyError('a header block is cut off');
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > bytes.length) throw new SpdyError('a header block is cut off');
    at += length;
    return bytes.subarray(at - length, at).toString('utf8');
  };
  const headers: Record<string, string> = {};
  for (let left = number(); left > 0; left -= 1) {
    const name = text();
    headers[name.toLowerCase()] = text();
  }
  return headers;
}
