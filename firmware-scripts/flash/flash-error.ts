/** Why a card cannot be flashed: a sentence, and what to do. Nothing has been written where `reason` is not `write`. */

export type FlashErrorReason =
  /** The image, the bundle or a setting is not what it should be. */
  | 'input'
  /** The target must not be written, or not like this. */
  | 'refused'
  /** A program or a right is missing. */
  | 'unavailable'
  /** Writing or reading back failed. */
  | 'write';

export class FlashError extends Error {
  override readonly name = 'FlashError';
  readonly reason: FlashErrorReason;
  readonly hint: string | undefined;

  constructor(reason: FlashErrorReason, message: string, hint?: string) {
    super(message);
    this.reason = reason;
    this.hint = hint;
  }
}
