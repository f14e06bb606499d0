/** `bramble kubeconfig`: the file that kubectl needs. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { kubeconfigPath, loadProfile } from '../api/kubeconfig.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';

export async function printKubeconfig(context: Context, options: ClusterOptions & { path?: boolean }): Promise<void> {
  // Says what is wrong with it, if anything is.
  await loadProfile(context, options);
  const path = resolve(kubeconfigPath(context, options));
  context.stdout.write(options.path ? `${path}\n` : await readFile(path, 'utf8'));
}
