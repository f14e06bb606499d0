/** JSON Pointer (RFC 6901): the paths of a JSON patch. */
import { PatchError } from './patch-error.ts';

/** The reference tokens of `/a/b~1c`: `['a', 'b/c']`; none for the whole document. Throws PatchError. */
export function parseJsonPointer(text: string): string[] {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) {
    throw new PatchError('malformed', `${JSON.stringify(text)} is not a JSON pointer`);
  }
  return text.slice(1).split('/').map(unescapeToken);
}

export function formatJsonPointer(tokens: readonly string[]): string {
  return tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** RFC 6901, section 4: first `~1`, then `~0`. */
function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}
