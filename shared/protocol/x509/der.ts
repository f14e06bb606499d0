/**
 * Distinguished encoding rules, the little of them that certificates need (ITU-T X.690). Reading is strict: a length that
 * does not fit, or bytes that are left over, are a DerError; nothing of the input is trusted before.
 */
import { formatIsoTime } from '../../platform/clock.ts';

export class DerError extends Error {
  override readonly name = 'DerError';
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific tags: `[number]`, constructed when it holds other values. */
export function contextTag(number: number, constructed: boolean): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

export function encode(tag: number, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), encodeLength(body.byteLength), body]);
}

export function sequence(...items: Uint8Array[]): Buffer {
  return encode(TAG.sequence, ...items);
}

/** DER orders the members of a SET OF by their encoding (X.690, 11.6). */
export function set(...items: Uint8Array[]): Buffer {
  return encode(TAG.set, ...items.map((item) => Buffer.from(item)).sort(Buffer.compare));
}

/** A whole number that is not negative, from its big-endian bytes. */
export function unsignedInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.byteLength - 1 && bytes[start] === 0) start += 1;
  const digits = bytes.subarray(start);
  const sign = ((digits[0] ?? 0) & 0x80) === 0 ? [] : [0];
  return encode(TAG.integer, Buffer.from(sign), digits);
}

/** `1.2.840.10045.4.3.2` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return encode(TAG.oid, Buffer.from([first * 40 + second, ...rest.flatMap(encodeBase128)]));
}

export function boolean(value: boolean): Buffer {
  return encode(TAG.boolean, Buffer.from([value ? 0xff : 0]));
}

export function utf8String(text: string): Buffer {
  return encode(TAG.utf8String, Buffer.from(text));
}

/** `unusedBits` of the last byte carry nothing. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return encode(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

export function octetString(bytes: Uint8Array): Buffer {
  return encode(TAG.octetString, bytes);
}

/** UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280, section 4.1.2.5). */
export function time(epochMs: number): Buffer {
  const digits = `${formatIsoTime(epochMs).replace(/\D/g, '').slice(0, 14)}Z`;
  const isShort = digits < '2050';
  return encode(isShort ? TAG.utcTime : TAG.generalizedTime, Buffer.from(isShort ? digits.slice(2) : digits));
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

function encodeBase128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128));
  return bytes;
}

/** One value: its tag, its contents, and all its bytes, over which signatures go. */
export interface Tlv {
  tag: number;
  contents: Buffer;
  bytes: Buffer;
}

/** Exactly one value of the expected tag; throws DerError. */
export function decode(bytes: Uint8Array, tag: number): Tlv {
  const values = decodeAll(bytes);
  const [first] = values;
  if (first === undefined || values.length !== 1 || first.tag !== tag) throw new DerError('unexpected value');
  return first;
}

/** The values one after the other in `bytes`: the members of a constructed value. Throws DerError. */
export function decodeAll(bytes: Uint8Array): Tlv[] {
  const values: Tlv[] = [];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < buffer.length; ) {
    const { headBytes, length } = decodeHead(buffer, offset);
    const end = offset + headBytes + length;
    if (end > buffer.length) throw new DerError('a length goes beyond the end');
    const tag = buffer[offset] ?? 0;
    values.push({ tag, contents: buffer.subarray(offset + headBytes, end), bytes: buffer.subarray(offset, end) });
    offset = end;
  }
  return values;
}

function decodeHead(buffer: Buffer, offset: number): { headBytes: number; length: number } {
  const first = buffer[offset + 1];
  if (first === undefined || ((buffer[offset] ?? 0) & 0x1f) === 0x1f) throw new DerError('not a value');
  if (first < 0x80) return { headBytes: 2, length: first };
  const size = first & 0x7f;
  if (size === 0 || size > 4 || offset + 2 + size > buffer.length) throw new DerError('not a length');
  const length = buffer.readUIntBE(offset + 2, size);
  if (length < 0x80) throw new DerError('a length is not in its shortest form');
  return { headBytes: 2 + size, length };
}

export function decodeOid(contents: Uint8Array): string {
  const [first = 0, ...rest] = contents;
  const arcs = [Math.floor(first / 40), first % 40];
  let value = 0;
  for (const byte of rest) {
    value = value * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) {
      arcs.push(value);
      value = 0;
    }
  }
  return arcs.join('.');
}

/** The first block of `-----BEGIN <label>-----`; throws DerError. */
export function decodePem(pem: string, label: string): Buffer {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem);
  if (match?.[1] === undefined) throw new DerError(`no PEM block of the kind ${label}`);
  return Buffer.from(match[1].replace(/\s/g, ''), 'base64');
}

export function encodePem(der: Uint8Array, label: string): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
