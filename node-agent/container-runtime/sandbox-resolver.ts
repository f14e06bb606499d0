/**
 * The resolv.conf of a sandbox (adapter: a file of Docker's). On networks of its own Docker puts a resolver between containers
 * and their name servers, which is gone whenever dockerd is; pods ask their servers themselves. All containers of a sandbox
 * share its file. Where it cannot be written, Docker's resolver stays, and asks the same servers.
 */
import { open } from 'node:fs/promises';
import type { SandboxConfig } from './runtime.ts';

/** `.` stands for no search at all. */
export function renderResolvConf({ servers, searches, options }: NonNullable<SandboxConfig['dns']>): string {
  const named = searches.filter((search) => search !== '.');
  return [
    ...(named.length > 0 ? [`search ${named.join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}

/** Only a file that is there: whoever has another disk than the engine must not make one. Whether it was written. */
export async function writeResolvConf(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'r+');
    try {
      await file.truncate(0);
      await file.write(text, 0);
    } finally {
      await file.close();
    }
    return true;
  } catch {
    return false;
  }
}
