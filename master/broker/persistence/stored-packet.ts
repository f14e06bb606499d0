/** Packets as they are kept: copies, so that what aedes does to its own later changes nothing here. */

export interface PublishRecord {
  cmd: 'publish';
  brokerId: string | undefined;
  brokerCounter: number;
  topic: string;
  payload: Buffer | string;
  qos: number;
  retain: boolean;
  dup: boolean;
  messageId: number | undefined;
}

/** The second half of a QoS 2 delivery: the message is there, its release is not confirmed. */
export interface PubrelRecord {
  cmd: 'pubrel';
  messageId: number | undefined;
}

export type StoredPacket = PublishRecord | PubrelRecord;

/** What aedes hands over; more members may be on it. */
export interface PacketLike {
  cmd?: string;
  brokerId?: string | undefined;
  brokerCounter?: number;
  topic?: string;
  payload?: Buffer | string;
  qos?: number;
  retain?: boolean;
  dup?: boolean;
  messageId?: number | undefined;
}

/** A retained message is given out as it came. */
export type RetainedRecord = PacketLike & Required<Pick<PacketLike, 'topic' | 'payload'>>;

export function copyRetained(packet: PacketLike): RetainedRecord {
  return { ...packet, topic: packet.topic ?? '', payload: packet.payload ?? Buffer.alloc(0) };
}

/** Packet identifiers belong to a delivery, and begin anew with each (MQTT 3.1.1, section 2.3.1). */
export function copyMessage(packet: PacketLike, messageId?: number): PublishRecord {
  return {
    cmd: 'publish',
    brokerId: packet.brokerId,
    brokerCounter: packet.brokerCounter ?? 0,
    topic: packet.topic ?? '',
    payload: packet.payload ?? Buffer.alloc(0),
    qos: packet.qos ?? 0,
    retain: packet.retain ?? false,
    dup: packet.dup ?? false,
    messageId,
  };
}

export function copyPacket(packet: PacketLike): StoredPacket {
  if (packet.cmd === 'pubrel') return { cmd: 'pubrel', messageId: packet.messageId };
  return copyMessage(packet, packet.messageId);
}

export function sizeOf(packet: StoredPacket): number {
  return packet.cmd === 'pubrel' ? 0 : packet.payload.length + packet.topic.length;
}
