/** What the tests' kernel refuses. */
export class NftError extends Error {
  override readonly name = 'NftError';
}
