/** `bramble scale`: writes the scale subresource. */
import { renderReference } from '../api/resources.ts';
import { pathOf, selectObjects } from '../api/select-objects.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { NamespaceOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';

export interface ScaleOptions extends NamespaceOptions {
  /** `deploy/web db/x`, or `deploy web`. */
  words: string[];
  replicas: number;
}

export async function scale(context: Context, options: ScaleOptions): Promise<void> {
  await withSession(context, options, async (session) => {
    for (const each of await selectObjects(context, session, options)) {
      await session.api.object({
        method: 'PATCH',
        path: `${pathOf(each)}/scale`,
        contentType: 'application/merge-patch+json',
        body: { spec: { replicas: options.replicas } },
      });
      const object = renderReference(each.resource, each.name);
      writeResult(context, options, { object, result: 'scaled', replicas: options.replicas });
    }
  });
}
