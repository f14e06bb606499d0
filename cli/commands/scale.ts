/** `bramble scale`: writes the scale subresource. */
import { discoverResources, findResource, renderReference, resourcePath } from '../api/resources.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { resolveReference } from './get.ts';

export interface ScaleOptions extends NamespaceOptions {
  /** `deploy/web db/x`, or `deploy web`. */
  words: string[];
  replicas: number;
}

export async function scale(context: Context, options: ScaleOptions): Promise<void> {
  await withSession(context, options, async ({ api, profile }) => {
    const resources = await discoverResources(api);
    const { words } = options;
    const [type = '', ...names] = words;
    const targets = type.includes('/')
      ? words.map((word) => resolveReference(resources, word))
      : names.map((name) => ({ resource: findResource(resources, type), name }));
    if (targets.length === 0)
      throw new Failure(EXIT.usage, `which ${type}?`, 'write TYPE/NAME, for instance deploy/web');
    for (const { resource, name } of targets) {
      await api.object({
        method: 'PATCH',
        path: `${resourcePath(resource, options.namespace ?? profile.namespace, name)}/scale`,
        contentType: 'application/merge-patch+json',
        body: { spec: { replicas: options.replicas } },
      });
      context.stdout.write(`${renderReference(resource, name)} scaled\n`);
    }
  });
}
