/** Why a session is refused, and the one place that maps it to CONNACK codes (MQTT 3.1.1, section 3.2.2.3). */
export const CONNACK_CODES = {
  /** The client id is not for this identity. */
  'identifier-rejected': 2,
  unavailable: 3,
  /** Unknown or expired token, wrong password. */
  'bad-credentials': 4,
  /** Known, but not allowed; a certificate of another CA; nothing shown at all. */
  'not-authorized': 5,
} as const;

export type SessionRefusedReason = keyof typeof CONNACK_CODES;

export class SessionRefused extends Error {
  override readonly name = 'SessionRefused';
  readonly reason: SessionRefusedReason;
  constructor(reason: SessionRefusedReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
