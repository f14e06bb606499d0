/** PUBLISH and PUBACK packets as bytes. Source: MQTT 3.1.1, sections 3.3 and 3.4. */

export interface PublishFrame {
  topic: string;
  qos: number;
  retain: boolean;
  messageId: number;
  payload: Buffer;
}

/** The packet from `start` to `end`; undefined: malformed. */
export function readPublish(bytes: Buffer, start: number, end: number): PublishFrame | undefined {
  const first = bytes[start] ?? 0;
  const qos = (first >> 1) & 3;
  let at = start + 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  const topicStart = at + 3;
  if (topicStart > end) return undefined;
  const topicEnd = topicStart + bytes.readUInt16BE(at + 1);
  const payloadStart = qos > 0 ? topicEnd + 2 : topicEnd;
  if (payloadStart > end) return undefined;
  return {
    topic: bytes.toString('utf8', topicStart, topicEnd),
    qos,
    retain: (first & 1) === 1,
    messageId: qos > 0 ? bytes.readUInt16BE(topicEnd) : 0,
    payload: bytes.subarray(payloadStart, end),
  };
}

/** Without an identifier: QoS 0. */
export function encodePublish(topic: string, payload: Buffer | string, messageId?: number): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const payloadBytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const length = 2 + topicBytes + (messageId === undefined ? 0 : 2) + payloadBytes;
  const bytes = Buffer.allocUnsafe(1 + lengthBytes(length) + length);
  bytes[0] = messageId === undefined ? 0x30 : 0x32;
  let at = writeLength(bytes, length);
  at = bytes.writeUInt16BE(topicBytes, at);
  at += bytes.write(topic, at, 'utf8');
  if (messageId !== undefined) at = bytes.writeUInt16BE(messageId, at);
  if (typeof payload === 'string') bytes.write(payload, at, 'utf8');
  else bytes.set(payload, at);
  return bytes;
}

export function encodePuback(messageId: number): Buffer {
  return Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]);
}

function lengthBytes(length: number): number {
  if (length < 128) return 1;
  if (length < 16_384) return 2;
  return length < 2_097_152 ? 3 : 4;
}

function writeLength(bytes: Buffer, length: number): number {
  let at = 1;
  let rest = length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes[at] = (rest % 128) | 0x80;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}
