/** `bramble kubeconfig`: the file that kubectl needs. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { findKubeconfig, loadProfile } from '../api/kubeconfig.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';

export interface KubeconfigOptions extends ClusterOptions {
  path?: boolean;
  /** Name or address of the master for whoever takes the file elsewhere. */
  host?: string;
}

export async function printKubeconfig(context: Context, options: KubeconfigOptions): Promise<void> {
  // Says what is wrong with it, if anything is.
  await loadProfile(context, options);
  const path = resolve(await findKubeconfig(context, options));
  const text = replaceHost(await readFile(path, 'utf8'), options.host);
  if (options.json) context.stdout.write(`${JSON.stringify(options.path ? { path } : parse(text))}\n`);
  else context.stdout.write(options.path ? `${path}\n` : text);
}

/** Pure. Both doors: `https://127.0.0.1:6443` and `mqtts://127.0.0.1:8883`. */
export function replaceHost(text: string, host: string | undefined): string {
  if (host === undefined) return text;
  const name = host.includes(':') ? `[${host}]` : host;
  return text.replaceAll(/\b(https|mqtts):\/\/(?:\[[^\]]*\]|[^:/\s'"]+)/g, (_, scheme) => `${scheme}://${name}`);
}
