/** `bramble apply -f`. */
import { applyManifests } from '../api/apply-manifests.ts';
import { readManifests } from '../api/manifests.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { NamespaceOptions } from '../options.ts';

export interface ApplyOptions extends NamespaceOptions {
  filename: string[];
  recursive?: boolean;
  dryRun?: boolean;
}

export async function apply(context: Context, options: ApplyOptions): Promise<void> {
  const manifests = await readManifests(options.filename, {
    stdin: context.stdin,
    recursive: options.recursive === true,
  });
  await withSession(context, options, async ({ api, profile }) => {
    const namespace = options.namespace ?? profile.namespace;
    for await (const line of applyManifests(api, manifests, { namespace, dryRun: options.dryRun === true })) {
      context.stdout.write(`${line}\n`);
    }
  });
}
