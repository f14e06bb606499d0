/** How the node reaches a port of one of its pods for somebody else. The simulation has no network to do it on. */

export interface PortTarget {
  /** The pod's address. */
  host: string;
  port: number;
  /** First process of the pod's network: leads to programs that listen on the pod's loopback only. undefined: unknown. */
  pid(): Promise<number | undefined>;
}

/** One open connection. */
export interface PortConnection {
  /** Ends when the program has closed its side; the consumer's pace is the program's pace. */
  output: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
  /** Idempotent. */
  close(): void;
}

export interface PortDialer {
  /** Rejects with a StatusError that says why there is no connection. */
  dial(target: PortTarget): Promise<PortConnection>;
}
