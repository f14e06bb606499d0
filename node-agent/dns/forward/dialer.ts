/** How other name servers are reached: a port, so that tests need no network. */
import type { Upstream } from './upstreams.ts';

export interface UpstreamDialer {
  /** One question by UDP. `accept` says whether a packet is the answer to it; others are ignored. Rejects when refused. */
  askByDatagram(upstream: Upstream, question: UpstreamQuestion): Promise<Buffer>;
  /** The same by TCP. */
  askByStream(upstream: Upstream, question: UpstreamQuestion): Promise<Buffer>;
}

export interface UpstreamQuestion {
  packet: Buffer;
  accept(answer: Buffer): boolean;
  /** Nobody waits for the answer any longer: rejects. */
  signal: AbortSignal;
}
