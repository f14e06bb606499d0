/**
 * The frames that travel on the request and response topics: plain JSON, one object a message. README.md has examples that
 * a person can send. Invariant: `parse…` lets nothing through that the types do not say.
 */
import type { Status } from '../machinery/errors.ts';
import type { JsonValue, Request } from './exchange.ts';

/** Asks for something. `type` may be left out, so that a request is short to type. */
export interface RequestFrame {
  type: 'request';
  /** Chosen by the client, unique within its session. */
  id: string;
  method: Request['method'];
  path: string;
  query: Record<string, string[]>;
  headers: Record<string, string>;
  /** A JSON value, or bytes in base64; at most one of them. */
  body?: JsonValue;
  bodyBase64?: string;
  /**
   * Items of the answer's stream that may be sent before the client grants more. Absent: no bound and no liveness probes,
   * for clients that only listen; the broker drops those that read too slowly.
   */
  window?: number;
}

/** One piece of a channel in either direction; `data` is base64. */
export type ChannelItem = { channel: number; data: string } | { channel: number; close: true };

/** Client to server: the next piece of a channel. */
export type ClientItemFrame = { type: 'item'; id: string; seq: number } & ChannelItem;

/** Items up to sequence number `upTo` may be sent. Absolute, so that a lost or doubled grant does no harm. */
export interface CreditFrame {
  type: 'credit';
  id: string;
  upTo: number;
  /** Asks the server for a `position`. */
  probe?: boolean;
}

/** The client does not want the rest. */
export interface CancelFrame {
  type: 'cancel';
  id: string;
}

export type ClientFrame = RequestFrame | ClientItemFrame | CreditFrame | CancelFrame;

/** The whole answer. */
export interface ResponseFrame {
  type: 'response';
  id: string;
  code: number;
  contentType?: string;
  headers?: Record<string, string>;
  body: unknown;
}

export type StreamKind = 'events' | 'bytes' | 'channels' | 'object';

/** A stream begins; items follow from sequence number 1. `object`: the pieces together are the JSON text of one body. */
export interface StreamFrame {
  type: 'stream';
  id: string;
  stream: StreamKind;
  code: number;
  contentType?: string;
  headers?: Record<string, string>;
  /** Channels only: items that the client may send before the server grants more. */
  window?: number;
}

export type ServerItem = { event: unknown } | { data: string } | ChannelItem;
export type ServerItemFrame = { type: 'item'; id: string; seq: number } & ServerItem;

/** Answers a probe: the last sequence number that was sent, and the server's own grant. */
export interface PositionFrame {
  type: 'position';
  id: string;
  seq: number;
  upTo?: number;
}

/** The stream is over. `seq` is that of the last item; absent when the stream is not known here. */
export interface EndFrame {
  type: 'end';
  id: string;
  seq?: number;
  status?: Status;
}

export type ServerFrame = ResponseFrame | StreamFrame | ServerItemFrame | CreditFrame | PositionFrame | EndFrame;

export type EnvelopeErrorReason = 'malformed' | 'too-large';

export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
  readonly reason: EnvelopeErrorReason;
  /** Id of the frame where it could be read: the sender can be told. */
  readonly id: string | undefined;
  constructor(reason: EnvelopeErrorReason, message: string, id?: string) {
    super(message);
    this.reason = reason;
    this.id = id;
  }
}

export function encodeFrame(frame: ClientFrame | ServerFrame): Uint8Array {
  return Buffer.from(JSON.stringify(frame));
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function decodeBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}
