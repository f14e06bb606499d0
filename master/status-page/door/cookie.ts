/** The cookie of a session, written and read. */
import { SESSION_MS } from './sessions.ts';

export const COOKIE = 'bramble_session';

/** Never sent by another site, never seen by a script; an empty id takes it away. */
export function renderCookie(id: string, isSecure: boolean): string {
  const seconds = id === '' ? 0 : SESSION_MS / 1000;
  return `${COOKIE}=${id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${isSecure ? '; Secure' : ''}`;
}

/** The value of a cookie of a request. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, value] = part.split('=');
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}
