/** The closed set of what can be wrong with a patch; the API server maps each reason to a Status. */
export type PatchErrorReason =
  /** Not a patch of this format: 400. */
  | 'malformed'
  /** A patch, but not for this object, such as a path that does not exist: 422. */
  | 'inapplicable'
  /** A `test` operation of a JSON patch did not hold: 422. */
  | 'testFailed'
  /** More operations or copied text than the limits allow: 413. */
  | 'tooLarge';

export class PatchError extends Error {
  override readonly name = 'PatchError';
  readonly reason: PatchErrorReason;

  constructor(reason: PatchErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
