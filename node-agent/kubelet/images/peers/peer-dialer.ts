/** The port through which an agent copies an image from another one; real connections and simulated ones implement it. */
import type { ImagePeer } from '../../../../shared/api/image-pull.ts';

export interface PeerRequest {
  /** As a pod names it. */
  reference: string;
  /** Digest of the configuration, where it is known: then just that image is wanted. */
  imageId: string | undefined;
  /** Where an earlier copy of that version broke off; 0: from the beginning. */
  offset: number;
  version: string | undefined;
  signal: AbortSignal;
}

export interface PeerImage {
  version: string;
  /** Where the bytes begin: 0 when the peer has another version than was asked for. */
  offset: number;
  /** Roughly. */
  sizeBytes: number;
  /** Throws PeerError when it breaks off. */
  chunks: AsyncIterable<Uint8Array>;
}

export interface PeerDialer {
  /** Rejects with PeerError. */
  open(peer: ImagePeer, request: PeerRequest): Promise<PeerImage>;
}

export type PeerErrorReason =
  /** Nobody answers there, or it is not that node. */
  | 'unreachable'
  /** It does not have the image (any more). */
  | 'not-found'
  /** It hands out as much as it can already, or has no room to prepare the image. */
  | 'busy'
  /** The bytes stopped in the middle. */
  | 'broken'
  | 'refused';

export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly reason: PeerErrorReason;
  constructor(reason: PeerErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
