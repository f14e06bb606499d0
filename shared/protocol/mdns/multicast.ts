/** The LAN's group for names, as a port: tests and simulations have one in memory. */
export interface MulticastSender {
  address: string;
  port: number;
}

export interface Multicast {
  /** Joins the group on every interface of the LAN. Rejects when the port cannot be had. */
  open(onPacket: (packet: Buffer, sender: MulticastSender) => void): Promise<void>;
  /** To everybody. Errors are swallowed: on this medium everything may be lost anyway. */
  send(packet: Buffer): void;
  /** To one who asked. */
  reply(packet: Buffer, to: MulticastSender): void;
  close(): Promise<void>;
}

export const MDNS_PORT = 5353;
export const MDNS_GROUP = '224.0.0.251';

/** RFC 6762, section 17: no packet is larger. */
export const MAX_PACKET_BYTES = 9_000;
