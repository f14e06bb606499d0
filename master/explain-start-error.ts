/** Why the master could not start, as a sentence that says what to do. Programmer errors keep their stack. */
import { PkiError } from './gateway/pki/pki-files.ts';
import { OptionsError } from './options.ts';
import { StoreError } from './store/store.ts';

const SOCKET_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another program listens there; end it, or choose another port with --api-port, --mqtt-port or --status-port',
  EADDRNOTAVAIL: 'this machine has no such address; choose one of its own with --listen, or 0.0.0.0 for all',
  EACCES: 'ports below 1024 need root; choose a higher one',
};

export function explainStartError(error: unknown): string {
  if (error instanceof OptionsError || error instanceof StoreError || error instanceof PkiError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const hint = code === undefined ? undefined : SOCKET_HINTS[code];
  if (hint !== undefined && port !== undefined) return `cannot listen on ${address ?? '*'}:${port}: ${hint}`;
  return error.stack ?? error.message;
}
